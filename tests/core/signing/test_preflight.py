"""What preflight checks say: a refusal stops the signing, anything else is told with the placement."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import pytest

from kyso import Config, Engine, SignRequest
from kyso.contracts import Contribution, Finding, PlacementIntent, PreflightCheck
from kyso.document.letter import OpenLetter
from kyso.errors import SigningRefused
from kyso.geometry import RectMm
from kyso.hookspecs import hookimpl
from kyso.models import Placement
from kyso.plugins import create_plugin_manager
from kyso.text import Text


class Remarks:
    """Finds the same thing in every letter."""

    def __init__(self, *, refuse: bool) -> None:
        self.refuse = refuse

    def check(self, letter: OpenLetter, intent: PlacementIntent, placement: Placement) -> Iterable[Finding]:
        """Return one finding with words that are in the catalogues."""
        yield Finding("signing.usage_rights", {"name": letter.name}, refuse=self.refuse)


def engine_with(refuse: bool) -> Engine:
    """Return an engine with a plugin that contributes the check."""
    plugin = ModuleType("remarking")

    @hookimpl
    def register_preflight_checks(register: Callable[[Contribution[PreflightCheck]], None]) -> None:
        register(Contribution("remarking.all", Text("Nhận xét", "Remarks"), load=lambda: Remarks(refuse=refuse)))

    plugin.register_preflight_checks = register_preflight_checks  # type: ignore[attr-defined]  # a plugin made here
    return Engine(Config(), create_plugin_manager(extra=[plugin]))


def test_a_finding_is_told_and_a_refusal_stops(letter_pdf: bytes, pfx: Path) -> None:
    """Nothing that a check found is lost."""
    request = SignRequest(letter_pdf, f"pfx:{pfx}", "fixed", page=1, rect_mm=RectMm(20, 20, 60, 20))
    with engine_with(refuse=False) as engine:
        assert [notice.code for notice in engine.preview(request).placement.notices] == ["signing.usage_rights"]
    with engine_with(refuse=True) as engine, pytest.raises(SigningRefused) as refused:
        engine.preview(request)
    assert refused.value.code == "signing.usage_rights"
