"""What plugins implement: the protocols of key sources, keys, placement policies and reports.

A plugin registers a :class:`Contribution`: light data with a `load` function that imports the heavy rest when the
contribution is first used.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

from kyso.frozen import dataclass
from kyso.text import Text

if TYPE_CHECKING:
    from kyso.config import Config, SealSection
    from kyso.geometry import PageGeometry, RectMm
    from kyso.models import (
        DigestName,
        DigestToSign,
        Notice,
        Pending,
        Placement,
        SchemeName,
        Signed,
    )
    from kyso.plugins import PluginRegistry
    from kyso.secret import Secret
    from kyso.verification.report import VerificationReport
    from kyso_stamps.fonts import FontChoice
    from kyso_stamps.template import Template

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

    :param kind: how the text is read; ``mm`` is a positive length in millimetres, ``path`` a file of this machine, which
        callers from elsewhere may not name.
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


# ---------------------------------------------------------------------------------------------------------- keys


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """A key that can be named: one line of `kyso keys list`. Times are aware."""

    uri: str
    subject: str
    issuer: str
    serial: str
    not_before: datetime | None
    not_after: datetime | None
    usage: tuple[str, ...] = ()
    name: str | None = None


SecretAsker = Callable[[str, Mapping[str, object]], "Secret"]
"""Asks a person for a secret: (code of the prompt's text, its parameters) -> Secret; raises KeyTrouble when none."""


NoticeTeller = Callable[["Notice"], None]
"""Shows a person something while a key is at work: "enter the PIN on the device", a token that cannot be read."""


def untold(notice: Notice) -> None:
    """Nobody is there to be told; whatever matters is raised as an error all the same."""


class SecretStore(Protocol):
    """Where a secret may be kept between runs, for keys whose configuration asks for it."""

    def get(self, purpose: str) -> Secret | None:
        """Return a kept secret, ``None`` where there is none.

        :param purpose: ``password`` of a file, ``login`` to a token, ``signing`` for each signature. A source does not
            ask here where a wrong one could be the last.
        """

    def reject(self, purpose: str) -> None:
        """Be told that what was returned is wrong, so that it is never returned again."""


class _NothingStored:
    """Keeps nothing."""

    def get(self, purpose: str) -> Secret | None:
        return None

    def reject(self, purpose: str) -> None:
        pass


NOTHING_STORED: SecretStore = _NothingStored()


@dataclass(frozen=True, slots=True)
class KeyAccess:
    """What a key source may use to open a key.

    :param ask_secret: gets a password or PIN from where the caller decided (prompt, environment, descriptor).
    :param base_dir: relative paths in a URI start here.
    :param options: the config section ``[plugins.NAME]`` of the source.
    :param key_options: the further entries of ``[keys.NAME]`` for this key.
    :param online: whether the network may be used.
    :param last_try: spend a token's last PIN try.
    :param tell: shows a notice at once, before a call that waits for a person.
    :param stored: secrets that a person let the system keep.
    """

    ask_secret: SecretAsker
    base_dir: Path
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    key_options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    online: bool = False
    last_try: bool = False
    tell: NoticeTeller = untold
    stored: SecretStore = NOTHING_STORED


class Key(Protocol):
    """An opened key. It signs digests of signed attributes and nothing else."""

    @property
    def certificate(self) -> bytes:
        """The signer's certificate, DER."""

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Issuing CA certificates that the source knows, DER, nearest first, without the signer's."""

    @property
    def schemes(self) -> tuple[tuple[SchemeName, DigestName], ...]:
        """What it can sign with, preferred first."""

    @property
    def batch_limit(self) -> int | None:
        """How many digests one confirmation of a person covers; ``None`` where nobody is asked for each signature."""

    def sign(self, digests: Sequence[DigestToSign], scheme: SchemeName) -> Signed | Pending:
        """Sign every digest with `scheme`, in order, or say what a person must do first.

        :raises KeyTrouble: the key, PIN or certificate does not allow it.
        :raises RemoteFailed: the other side failed.
        """

    def poll(self, ticket: str) -> Signed | Pending:
        """Ask for the answer to an earlier :class:`Pending`.

        :raises KeyTrouble: the person declined or the request expired.
        """

    def close(self) -> None:
        """Forget the session and the key. Closing twice is harmless."""


@runtime_checkable
class UnlockingKey(Protocol):
    """A key that is opened without its secret and asks for it at the first signature."""

    def unlock(self) -> None:
        """Ask for the secret and use it now.

        :raises KeyTrouble: it is wrong, or nobody can be asked.
        """


@runtime_checkable
class AnnouncingKey(Protocol):
    """A key whose requests can be asked for by a name of our own, even where no answer to them ever came.

    What :meth:`announce` returns is recorded before anything is sent, so that a process that dies while it sends leaves
    something to ask with.
    """

    def announce(self, digests: Sequence[DigestToSign], scheme: SchemeName) -> str | None:
        """Return the ticket of the next request over exactly `digests`; ``None`` where the other side gives the name.

        Nothing is sent. :meth:`Key.sign` over the same digests then uses that name, once.
        """


class KeySource(Protocol):
    """A kind of place where keys live; one per URI scheme."""

    @property
    def portable(self) -> bool:
        """Whether worker processes may open the same key by themselves (a file: yes; a token's session: no)."""

    def open(self, uri: str, access: KeyAccess) -> Key:
        """Open the key that `uri` names.

        :raises KeyTrouble: not found, ambiguous, locked, wrong secret.
        """

    def read_certificate(self, uri: str, access: KeyAccess) -> bytes | None:
        """Return the signer's certificate (DER) where it can be read without any secret, else ``None``."""

    def list_keys(self, access: KeyAccess) -> Iterable[KeyDescription]:
        """List what can be found without any secret."""


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
