"""From a provider's name to its simulator."""

from __future__ import annotations

from importlib import import_module

from kyso.contracts import Simulator
from kyso.simulation.scenario import Timing

_CLASSES = {
    "smartca": ("neac_family", "NeacFamilySimulator"),
    "nacencomm": ("neac_family", "NeacFamilySimulator"),
    "neac": ("neac_family", "NeacFamilySimulator"),
    "mysign": ("mysign", "MySignSimulator"),
    "smartca-csc": ("smartca_csc", "SmartCaCscSimulator"),
    "misa": ("misa", "MisaSimulator"),
    "csc": ("csc", "CscSimulator"),
    "rssp": ("rssp", "RsspSimulator"),
}


def make_simulator(name: str, timing: Timing | None = None) -> Simulator:
    """Return the simulator of a provider.

    :param timing: how long things take; ``None`` takes the usual times.
    """
    module, kind = _CLASSES[name]
    made: Simulator = getattr(import_module(f"kyso_remote.simulators.{module}"), kind)(name, timing)
    return made
