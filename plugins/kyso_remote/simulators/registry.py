"""From a provider's name to its simulator."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from kyso.contracts import Simulator
from kyso.plugin import Language, Text
from kyso.simulation.scenario import Timing
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, PASSWORD, PERSON_ID
from kyso_remote.simulators.rssp import KEYSTORE_PASSWORD, PARTY_SIGNATURE, RELYING_PARTY

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


@dataclass(frozen=True, slots=True)
class RemoteSimulator:
    """A provider's simulator that also says how to use it.

    :param inner: the provider's own simulator.
    """

    name: str
    inner: Simulator

    def application(self, scenario: str) -> Any:
        """Return the ASGI application for a scenario."""
        return self.inner.application(scenario)

    def calling(self, url: str) -> RemoteSimulator:
        """Return the same simulator, which calls `url` when a request was decided."""
        return make_simulator(self.name, Timing(callback_url=url))

    def guide(self, url: str, language: Language) -> str:
        """Return the lines for kyso.toml and the environment, and where the phone page is."""
        prefix = f"KYSO_{self.name.replace('-', '_').upper()}"
        phone = Text("Trang điện thoại giả lập", "The simulated phone").of(language)
        root = Text("Gốc tin cậy để kiểm tra", "The root for verifying").of(language)
        lines = [
            f"[plugins.{self.name}]",
            f'base_url = "{url}"',
            f'client_id = "{CLIENT_ID}"',
            "allow_private = true",
        ]
        if self.name == "rssp":
            lines += [f'relying_party = "{RELYING_PARTY}"', 'keystore = "relying-party.p12"']
        lines += [
            "",
            "[keys.leader]",
            f'uri = "{self.name}:{"CMT_" if self.name == "mysign" else ""}{PERSON_ID}"',
            "",
            f"# export {prefix}_CLIENT_SECRET={CLIENT_SECRET}",
            f"# export {prefix}_PASSWORD={PASSWORD}",
        ]
        if self.name == "rssp":
            lines += [
                f"# export {prefix}_SIGNATURE={PARTY_SIGNATURE}",
                f"# export {prefix}_KEYSTORE_PASSWORD={KEYSTORE_PASSWORD}",
                f"# curl -o relying-party.p12 {url}/simulator/relying-party.p12",
            ]
        lines += [f"# {phone}: {url}/phone", f"# {root}: {url}/simulator/root.pem"]
        return "\n".join(lines)


def make_simulator(name: str, timing: Timing | None = None) -> RemoteSimulator:
    """Return the simulator of a provider.

    :param timing: how long things take; ``None`` takes the usual times.
    """
    module, kind = _CLASSES[name]
    made: Simulator = getattr(import_module(f"kyso_remote.simulators.{module}"), kind)(name, timing)
    return RemoteSimulator(name, made)
