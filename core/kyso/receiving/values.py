"""The frozen values of the incoming desk: what arrives, what was decided, what stands in the register."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kyso.contracts import LetterFacts
from kyso.frozen import dataclass
from kyso.text import Text

__all__ = [
    "Arrival",
    "Decision",
    "DecisionKind",
    "Entry",
    "Event",
    "Form",
    "LetterFacts",
    "NoticeKind",
    "PaperSigning",
    "Reason",
    "Reception",
    "State",
]

if TYPE_CHECKING:
    from kyso.geometry import RectMm
    from kyso.models import Notice
    from kyso.secret import Secret
    from kyso.verification.report import VerificationReport

DecisionKind = Literal["accept", "return", "suspicious"]
"""``suspicious``: the person responsible is told and decides; the sender is told too (Decree 30/2020, Điều 21.2.b)."""

Form = Literal["electronic", "paper"]
"""``paper``: a scan of a letter that arrived on paper, signed by us before entry."""

State = Literal["entering", "entered", "held", "returned"]
"""``entering``: a scan whose signature is not there yet; ``held``: suspicious, waiting for a person."""

NoticeKind = Literal["receipt", "return", "suspicious", "report", "recall"]
"""Notices to the sender, and ``report`` to the person responsible in our own house."""


@dataclass(frozen=True, slots=True)
class PaperSigning:
    """How the scan of a paper letter is signed by us before it is entered.

    :param key: name or URI of the organisation's key.
    :param copy_policy: the placement policy for digitised copies.
    :param copy_form: form of the copy, as it stands on it.
    :param stamp_policy: the policy that draws the stamp ``ĐẾN``; ``None`` where it is on the paper already.
    :param stamp_page: page of the stamp, where the policy does not find empty paper by itself.
    :param stamp_rect_mm: place of the stamp in display space.
    """

    key: str
    copy_policy: str = "decree30.copy"
    copy_form: str = "SAO Y"
    stamp_policy: str | None = "decree30.incoming"
    stamp_page: int | None = None
    stamp_rect_mm: RectMm | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One letter as it arrives.

    :param facts: what a person says about it; the rest is read from the letter.
    :param sender: who sent it, where that is not the author.
    :param recipient: the unit or person it goes to, where that is known already.
    :param arrived_on: day of receipt; ``None`` is today in Vietnam.
    :param paper: it is a scan, to be signed by us.
    :param misdirected: it was sent to the wrong place, which is a reason to return it (Điều 21.2.b).
    :param again: enter a file that stands in the register already once more.
    :param by: who receives it.
    """

    document: Path
    facts: LetterFacts = LetterFacts()
    sender: str = ""
    recipient: str = ""
    arrived_on: date | None = None
    paper: PaperSigning | None = None
    misdirected: bool = False
    again: bool = False
    remark: str = ""
    by: str = ""
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, in words that stay as they were when it was decided."""

    code: str
    words: Text


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy, or a person, says about a letter.

    :param rule: name of the rule that decided, ``person`` where somebody did.
    :param by: who decided, empty for the policy.
    """

    kind: DecisionKind
    rule: str
    reasons: tuple[Reason, ...] = ()
    by: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the register of incoming letters (Annex IV), with what else we keep about it.

    :param id: names the entry for good, also where it has no number.
    :param number: the number of receipt (số đến), consecutive within `year`; ``None`` for a letter not entered.
    :param recorded_at: when our machine recorded it; proof that the file existed then.
    :param arrived_on: day of receipt (ngày đến).
    :param recipient: unit or person (đơn vị hoặc người nhận).
    :param forwarded_on: day it was passed on (ngày chuyển).
    :param received_by: who signed for it there (ký nhận).
    :param file_sha256: digest of what arrived; for a scan `letter_sha256` is that of the signed copy.
    :param occurrence: 1 for the first entry of this very file.
    :param folder: where letter and evidence lie, below the desk's folder.
    :param manifest_sha256: digest of the list of hashes in that folder.
    """

    id: str
    state: State
    organisation: str
    year: int
    number: int | None
    form: Form
    recorded_at: datetime
    arrived_on: date
    facts: LetterFacts
    sender: str
    recipient: str
    forwarded_on: date | None
    received_by: str
    remark: str
    file_name: str
    file_sha256: str
    file_size: int
    occurrence: int
    letter_sha256: str
    folder: str
    manifest_sha256: str
    verdict: str
    decision: Decision
    recalled_on: date | None = None
    recall_reference: str = ""
    destroyed_at: datetime | None = None
    purged_at: datetime | None = None

    @property
    def reference(self) -> str:
        """How people name it: ``12/2026``, or the id of a letter without a number."""
        return self.id if self.number is None else f"{self.number}/{self.year}"

    @property
    def correspondent(self) -> str:
        """Who is told about it: the sender, else the author."""
        return self.sender or self.facts.author


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a letter after its receipt."""

    at: datetime
    name: str
    by: str
    detail: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reception:
    """What receiving a letter led to.

    :param report: ``None`` where the letter stood in the register already and was not looked at again.
    :param repeated: it stood in the register already; nothing was written.
    :param folder: where letter, evidence and notices lie.
    :param warnings: duplicates and what could not be read.
    """

    entry: Entry
    decision: Decision
    report: VerificationReport | None
    folder: Path
    repeated: bool = False
    notices: tuple[Path, ...] = ()
    warnings: tuple[Notice, ...] = ()
