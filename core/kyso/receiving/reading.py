"""What a letter says about itself: author, number and symbol, date, type and subject, as far as it can be read.

Plugins read (`register_letter_readers`); what none of them finds is taken from the signatures, or left to a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.errors import KysoError
from kyso.models import Notice
from kyso.receiving.policy import folded_name
from kyso.receiving.values import LetterFacts

if TYPE_CHECKING:
    from pathlib import Path

    from kyso.plugins import PluginRegistry
    from kyso.secret import Secret
    from kyso.verification.report import VerificationReport

LEAST_FACTS = ("author", "number_and_symbol", "dated", "subject")
"""What every row should have; whatever is unknown is a warning (Điều 22.1)."""


def read_facts(
    letter: Path, report: VerificationReport, registry: PluginRegistry, password: Secret | None
) -> tuple[LetterFacts, tuple[Notice, ...]]:
    """Read the facts about a letter, and say what failed. An unreadable letter has none."""
    facts, warnings = LetterFacts(), []
    if report.verdict != "unreadable" and letter.suffix.lower() != ".p7s":
        from kyso.document.opening import open_letter

        try:
            with open_letter(letter, password=password, repairing=True) as opened:
                for name in registry.contributions("letter_readers"):
                    try:
                        facts = facts.completed(registry.load("letter_readers", name).read(opened))
                    except Exception as error:  # noqa: BLE001 - a plugin's own reading; its failure is told
                        cause = error.code if isinstance(error, KysoError) else type(error).__name__
                        warnings.append(Notice("intake.not_read", {"reader": name, "cause": cause}))
        except KysoError as error:
            warnings.append(Notice("intake.not_read", {"reader": letter.name, "cause": error.code}))
    return _with_signers(facts, report), tuple(warnings)


def _with_signers(facts: LetterFacts, report: VerificationReport) -> LetterFacts:
    """Take the author from the certificates where the page says the same, or nothing.

    The head of a letter stands in capitals over several lines, with the superior body first; the organisation on a
    certificate is spelt as its name is.
    """
    signers = [each for each in reversed(report.signatures) if each.kind != "timestamp" and each.signer.organisation]
    head = folded_name(facts.author)
    if not head:
        # Nobody but a signer who can be relied on is named as the author of a page that does not say it.
        trusted = [each.signer.organisation for each in signers if each.verdict == "valid"]
        return LetterFacts(trusted[0]).completed(facts) if trusted else facts
    names = [each.signer.organisation for each in signers if each.integrity == "intact"]
    same = next((name for name in names if head.endswith(folded_name(name))), None)
    return facts if same is None else LetterFacts(same).completed(facts)


def missing_facts(facts: LetterFacts) -> tuple[str, ...]:
    """Return which facts are unknown, as codes of their names."""
    return tuple(name for name in LEAST_FACTS if not getattr(facts, name))
