"""What plugins implement: the protocols of key sources, keys, placement policies and reports.

A plugin registers a :class:`Contribution`: light data with a `load` function that imports the heavy rest when the
contribution is first used.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

from kyso.frozen import dataclass
from kyso.key_contracts import (
    NOTHING_STORED,
    AnnouncingKey,
    Key,
    KeyAccess,
    KeyDescription,
    KeySource,
    MortalKey,
    NoticeTeller,
    SecretAsker,
    SecretStore,
    UnlockingKey,
    untold,
)
from kyso.text import Text

if TYPE_CHECKING:
    from kyso.config import Config, SealSection
    from kyso.geometry import PageGeometry, RectMm
    from kyso.models import Placement
    from kyso.plugins import PluginRegistry
    from kyso.verification.report import VerificationReport
    from kyso_stamps.fonts import FontChoice
    from kyso_stamps.template import Template

__all__ = [
    "AVAILABLE",
    "NOTHING_STORED",
    "AnnouncingKey",
    "Availability",
    "Conformity",
    "ConformityCheck",
    "Contribution",
    "Diagnosis",
    "Diagnostic",
    "Event",
    "Examination",
    "Exporter",
    "FieldInfo",
    "Finding",
    "Key",
    "KeyAccess",
    "KeyDescription",
    "KeySource",
    "Letter",
    "LetterFacts",
    "LetterReader",
    "MortalKey",
    "NoticeTeller",
    "Owner",
    "PlacementIntent",
    "PlacementPolicy",
    "PreflightCheck",
    "ReportFormat",
    "SecretAsker",
    "SecretStore",
    "Setting",
    "SettingKind",
    "Signer",
    "Simulator",
    "TableSet",
    "TextFieldInfo",
    "TextLine",
    "UnlockingKey",
    "untold",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a contribution can be used here and, if not, why not and what to do."""

    ok: bool
    reason: Text | None = None
    next_step: Text | None = None


AVAILABLE = Availability(True)


def _available() -> Availability:
    return AVAILABLE


Owner = Literal["person", "organisation"]
"""Whose a certificate is."""

SettingKind = Literal["text", "mm", "number", "choice", "date", "flag", "path"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One of a contribution's own settings: ``--set NAME=VALUE`` or a line of its config section.

    :param kind: how the text is read; ``mm`` is a positive length in millimetres, ``path`` a file of this machine,
        which callers from elsewhere may not name.
    :param default: the value used when nothing is given, as text; ``None`` means there is none.
    :param choices: the allowed values of a ``choice``.
    :param required: refuse to go on without it.
    :param not_with: settings of the same request that this one would leave without meaning; both together are refused.
    """

    name: str
    kind: SettingKind
    summary: Text
    default: str | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    not_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contribution(Generic[T]):
    """What a plugin registers: light data, and how to get the thing itself.

    :param name: unique among its kind; a key source's name is its URI scheme.
    :param load: imports and builds the thing; called once per engine, on first use.
    :param availability: cheap check without side effects; no network.
    :param owner: for a placement policy: whose certificate signs with it; ``None`` leaves it open.
    """

    name: str
    summary: Text
    load: Callable[[], T]
    availability: Callable[[], Availability] = _available
    settings: tuple[Setting, ...] = ()
    owner: Owner | None = None


# ------------------------------------------------------------------------------------------------------ placement


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text on a page.

    :param text: NFC, words separated by single spaces.
    :param rect_mm: its ink in display space.
    :param size_pt: greatest character height class on the line, in points as displayed.
    """

    text: str
    rect_mm: RectMm
    size_pt: float


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A signature field of the letter.

    :param name: fully qualified name (ISO 32000-2, 12.7.4.2).
    :param signed: whether it has a value.
    :param page: page of its widget from 1, ``None`` without one.
    :param rect_mm: the widget in display space, ``None`` without one or with an empty rectangle.
    :param policy: the kyso policy named in the signature dictionary, if any.
    """

    name: str
    signed: bool
    page: int | None = None
    rect_mm: RectMm | None = None
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class TextFieldInfo:
    """A text field of the letter's form (ISO 32000-2, 12.7.5.3).

    :param name: fully qualified name.
    :param label: its name for people (/TU), empty without one.
    :param value: what it holds, empty where it is still to be filled.
    :param page: page of its widget from 1.
    :param rect_mm: the widget in display space.
    :param fillable: whether it can be filled so that every signature of the letter stays as valid as it is: the letter
        is unsigned, or its certification permits form filling and no signature locks the field.
    """

    name: str
    label: str
    value: str
    page: int
    rect_mm: RectMm
    fillable: bool


class Letter(Protocol):
    """An opened PDF as a policy sees it. Pages are read when asked for."""

    @property
    def name(self) -> str:
        """The letter's file name, for people."""

    @property
    def page_count(self) -> int:
        """Number of pages."""

    def page(self, number: int) -> PageGeometry:
        """Geometry of a page; 1 is the first, -1 the last.

        :raises InputRefused: there is no such page.
        """

    def text_lines(self, number: int) -> tuple[TextLine, ...]:
        """The page's text lines from top to bottom, left to right; empty on a picture-only page."""

    def widgets_mm(self, number: int) -> tuple[RectMm, ...]:
        """Rectangles of the page's visible annotations and form fields."""

    @property
    def signature_fields(self) -> tuple[FieldInfo, ...]:
        """Every signature field of the form, signed or empty."""

    @property
    def text_fields(self) -> tuple[TextFieldInfo, ...]:
        """The form's text fields that have one visible widget."""

    def ink_mm(self, field: str) -> RectMm | None:
        """Bounding box of what a signed field's appearance visibly draws, in display space."""

    def free_of_ink(self, number: int, rect: RectMm) -> bool:
        """Tell whether nothing on the page is drawn inside `rect`."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, as the certificate says it. Empty text where it says nothing.

    :param issuer: who issued the certificate.
    :param serial: the certificate's serial number, hexadecimal.
    """

    name: str
    organisation: str = ""
    title: str = ""
    identifier: str = ""
    issuer: str = ""
    serial: str = ""

    @property
    def shown_name(self) -> str:
        """The name, or dots where a preview does not know the certificate yet."""
        return self.name or "…"


@dataclass(frozen=True, slots=True)
class PlacementIntent:
    """What a policy is asked for, with everything it may use to decide.

    :param values: the policy's settings, parsed: float for mm and number, str, bool, datetime.date.
    :param organisation: the organisation's name from config or certificate.
    :param image: the picture to draw, already resolved against config.
    :param signed_at: the time of signing, in Vietnam's zone.
    :param time_pattern: strftime pattern for shown times.
    :param check_signatures: verifies the letter as it stands; slow, call it only when the decision needs it.
    :param seal: the configured seal, for policies of another role that show it too.
    :param template: the stamp template that was asked for, see :mod:`kyso.placement.templates`.
    :param reason: /Reason of the signature, for templates that show it.
    :param location: /Location of the signature, for templates that show it.
    """

    signer: Signer
    signed_at: datetime
    values: Mapping[str, Any]
    organisation: str
    image: Path | None
    page: int | None
    rect_mm: RectMm | None
    anchor: str | None
    field: str | None
    leader_field: str | None
    time_pattern: str
    fonts: FontChoice
    check_signatures: Callable[[], VerificationReport]
    seal: SealSection | None = None
    template: Template | None = None
    reason: str | None = None
    location: str | None = None


class PlacementPolicy(Protocol):
    """Decides where a signature goes and what it shows."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the place and the stamp.

        :raises SigningRefused: there is no lawful place; the error says what was looked for.
        """


# -------------------------------------------------------------------------------------------------------- reports


@runtime_checkable
class ReportFormat(Protocol):
    """Writes a verification as text, JSON, HTML or PDF."""

    @property
    def binary(self) -> bool:
        """Whether the result may only go to a file."""

    def render(self, report: VerificationReport, language: Literal["vi", "en"]) -> bytes:
        """Return the finished report."""


@runtime_checkable
class SetInFonts(Protocol):
    """A report format that is set in the fonts of the configuration (``[fonts]``)."""

    def with_fonts(self, fonts: FontChoice) -> ReportFormat:
        """Return the format set in these fonts."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a preflight check found.

    :param code: its words are in the catalogues.
    :param refuse: whether signing must stop.
    """

    code: str
    parameters: Mapping[str, object] = dataclasses.field(default_factory=dict)
    refuse: bool = False


class PreflightCheck(Protocol):
    """Looks at a letter before it is signed; cannot change it."""

    def check(self, letter: Letter, intent: PlacementIntent, placement: Placement) -> Iterable[Finding]:
        """Return what was found, nothing where all is well."""


@dataclass(frozen=True, slots=True)
class Conformity:
    """One rule of form judged on an arriving letter; never part of the verdict.

    :param status: ``met``, ``not_met`` or ``not_applicable``.
    """

    rule: str
    article: str
    status: Literal["met", "not_met", "not_applicable"]
    detail: Text


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """What the register needs to know of a letter. Empty text and ``None`` mean unknown.

    :param author: who issued it (tác giả).
    :param number_and_symbol: ``12/QĐ-ABC``.
    :param kind: name of its type: ``Quyết định``, ``Công văn``.
    :param subject: the abstract (trích yếu nội dung).
    """

    author: str = ""
    number_and_symbol: str = ""
    dated: date | None = None
    kind: str = ""
    subject: str = ""

    def completed(self, other: LetterFacts) -> LetterFacts:
        """Return these facts, with what is unknown taken from `other`."""
        return LetterFacts(
            self.author or other.author,
            self.number_and_symbol or other.number_and_symbol,
            self.dated or other.dated,
            self.kind or other.kind,
            self.subject or other.subject,
        )


class LetterReader(Protocol):
    """Reads what a letter says about itself: who issued it, its number, date, type and subject."""

    def read(self, letter: Letter) -> LetterFacts:
        """Return what is found; what is not stays empty, so that another reader or a person may fill it."""


class ConformityCheck(Protocol):
    """Judges the form of an arriving letter: Decree 30, TT 15/2025, KBNN."""

    def check(self, letter: Letter, report: VerificationReport) -> Iterable[Conformity]:
        """Return one judgement per rule."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of `kyso doctor`.

    :param code: its words, and the next step, are in the catalogues.
    :param state: ``ok``; ``warning`` where something will or may go wrong; ``failure`` where something does not work.
    """

    code: str
    state: Literal["ok", "warning", "failure"]
    parameters: Mapping[str, object] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Examination:
    """What `kyso doctor` hands to an examination. Nothing of it may change anything or ask a person.

    :param online: whether the network may be used.
    :param now: the present, aware.
    :param access: what a key source may use for a key's name or URI, or for a whole source (``pkcs11:``); it has no
        secret to give.
    :param deadline_s: an examination that takes longer is given up and reported.
    """

    config: Config
    registry: PluginRegistry
    online: bool
    now: datetime
    access: Callable[[str], KeyAccess]
    deadline_s: float


class Diagnostic(Protocol):
    """One examination of `kyso doctor`."""

    def examine(self, examination: Examination) -> Iterable[Diagnosis]:
        """Return what was found, one line each; also what is well, so that support hears it."""


class Exporter(Protocol):
    """Turns a request into another system's document: the KBNN envelope."""

    def export(self, data: bytes, options: Mapping[str, str]) -> bytes:
        """Return the exported document."""


class Simulator(Protocol):
    """Plays a remote service over real HTTP."""

    def application(self, scenario: str) -> Any:
        """Return the ASGI application."""


class Event(Protocol):
    """Marker for values handed to `record_event`."""


@dataclass(frozen=True, slots=True)
class TableSet:
    """Tables a plugin keeps in the records, with its own migration branch.

    :param name: branch label of its migrations.
    :param migrations: package folder with the Alembic version scripts, ``package:folder``.
    """

    name: str
    migrations: str
