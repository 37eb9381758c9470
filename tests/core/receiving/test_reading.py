"""Facts for the register: from the page, from signers who can be relied on, from nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from kyso.contracts import Contribution, Letter, LetterFacts
from kyso.engine import Engine
from kyso.hookspecs import hookimpl
from kyso.plugins import PluginRegistry, create_plugin_manager
from kyso.receiving.reading import missing_facts, read_facts
from kyso.text import Text
from kyso.verification.report import VerificationReport
from tests.core.receiving.conftest import Letters


class _Reader:
    """A third party's reader."""

    def __init__(self, author: str) -> None:
        self._author = author

    def read(self, letter: Letter) -> LetterFacts:
        """Return one fact, or fail as software does."""
        if self._author == "fails":
            raise ZeroDivisionError
        return LetterFacts(self._author, subject=f"{letter.page_count} trang")


def registry(author: str, monkeypatch: pytest.MonkeyPatch) -> PluginRegistry:
    """Return a registry with that reader alone."""
    monkeypatch.setenv("KYSO_PLUGINS_DISABLE", "decree30")

    class Plugin:
        @hookimpl
        def register_letter_readers(self, register: object) -> None:
            """Contribute it."""
            contribution = Contribution("third", Text("a", "a"), load=lambda: _Reader(author))
            register(contribution)  # type: ignore[operator] # a callback

    return create_plugin_manager(extra=[Plugin()])


@pytest.fixture
def reports(letters: Letters, pki: object) -> tuple[VerificationReport, VerificationReport]:
    """The letter judged with its root, and without."""
    with Engine.from_config() as engine:
        trusted = engine.verify(letters.signed, trust=[pki.root_pem], crls=[pki.crl_folder])  # type: ignore[attr-defined]
        return trusted, engine.verify(letters.signed)


CERTIFIED = "ỦY BAN NHÂN DÂN XÃ AN BÌNH THỬ NGHIỆM"


@pytest.mark.parametrize(
    ("head", "with_trust", "without"),
    [
        ("", CERTIFIED, ""),
        ("UBND HUYỆN MẪU Ủy ban nhân dân  xã An Bình Thử Nghiệm", CERTIFIED, CERTIFIED),
        ("SỞ KHÁC", "SỞ KHÁC", "SỞ KHÁC"),
    ],
)
def test_the_author(
    letters: Letters,
    reports: tuple[VerificationReport, VerificationReport],
    monkeypatch: pytest.MonkeyPatch,
    head: str,
    with_trust: str,
    without: str,
) -> None:
    """The head's name, spelt as on the certificate where they agree; a signer's alone only where he is trusted."""
    plugins = registry(head, monkeypatch)
    for report, author in zip(reports, (with_trust, without), strict=True):
        facts, warnings = read_facts(letters.signed, report, plugins, None)
        assert (facts.author, facts.subject, warnings) == (author, "2 trang", ())


def test_a_reader_that_fails_is_told(
    letters: Letters, reports: tuple[VerificationReport, VerificationReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The letter is received all the same; what could not be read is missing."""
    facts, (warning,) = read_facts(letters.signed, reports[1], registry("fails", monkeypatch), None)
    assert (warning.code, warning.parameters["cause"]) == ("intake.not_read", "ZeroDivisionError")
    assert facts == LetterFacts()
    assert missing_facts(facts) == ("author", "number_and_symbol", "dated", "subject")


def test_a_file_that_cannot_be_opened_has_no_facts(letters: Letters, tmp_path: Path) -> None:
    """An unreadable file is not read at all; one that vanished is told."""
    with Engine.from_config() as engine:
        report = engine.verify(letters.signed)
        facts, warnings = read_facts(tmp_path / "gone.pdf", report, engine.registry, None)
        assert (facts, [warning.code for warning in warnings]) == (LetterFacts(), ["intake.not_read"])
        unreadable = engine.verify(tmp_path / "gone.pdf")
        assert read_facts(tmp_path / "gone.pdf", unreadable, engine.registry, None) == (LetterFacts(), ())
