"""What a stamp template is once it was read: slots in millimetres, and texts with places for variables.

A template is a TOML file (:mod:`kyso_stamps.template_reading` reads it, :mod:`kyso_stamps.template_filling` fills it).
Its texts name variables in braces::

    {signer}             must have a value, or the template is refused
    {title?}             may be without one: then the whole line is left out
    {time:%d/%m/%Y %z}   a pattern for a time or a date
    {date:words}         "ngày 05 tháng 01 năm 2026", as letters are dated (Decree 30/2020, annex I, II.4)
    {{ }}                the braces themselves

Times are shown in Vietnam's zone, whatever zone they come in, and patterns know only what no locale can change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Literal

from kyso_stamps.spec import BLACK, BoxMm, Colour

VIETNAM = timezone(timedelta(hours=7))
WORDS = "words"
"""The pattern that writes a date in words."""

SIZE_PT = 10.0
MIN_SIZE_PT = 6.0

VariableKind = Literal["text", "time", "date"]
Align = Literal["left", "centre", "right"]
Vertical = Literal["top", "middle", "bottom"]

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([A-Za-z]\w*)(\?)?(?::([^{}]*))?\}|[{}]", re.ASCII)
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Variable:
    """Something a template can show.

    :param kind: ``time`` takes an aware datetime, ``date`` a date; both can be given as finished text too.
    :param sample: what a sample picture shows.
    :param vi: what it is, for a template's own variables; the known ones have words in the catalogues.
    """

    name: str
    kind: VariableKind = "text"
    sample: str = ""
    vi: str = ""
    en: str = ""


KNOWN_VARIABLES = {
    variable.name: variable
    for variable in (
        Variable("signer", sample="Nguyễn Văn Mẫu"),
        Variable("title", sample="CHỦ TỊCH"),
        Variable("organisation", sample="ỦY BAN NHÂN DÂN XÃ MẪU"),
        Variable("time", "time"),
        Variable("date", "date"),
        Variable("number", sample="12/QĐ-UBND"),
        Variable("reason", sample="Ban hành văn bản"),
        Variable("location", sample="Xã Mẫu"),
        Variable("content", sample="Thanh toán theo hợp đồng mẫu"),
        Variable("budget_code", sample="1099999"),
        Variable("copy_form", sample="SAO Y"),
        Variable("identifier", sample="MST:0100000000"),
        Variable("issuer", sample="CA thử nghiệm"),
        Variable("serial", sample="01:23:45:67"),
        Variable("url", sample="https://example.vn/van-ban/12"),
    )
}
"""What every template may name without declaring it; ``stamp.variable.NAME`` in the catalogues says what each is."""

SAMPLE_TIME = datetime(2026, 11, 22, 9, 15, 7, tzinfo=VIETNAM)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A variable in a text. `source` is the placeholder as written."""

    name: str
    optional: bool
    pattern: str | None
    source: str


Fragments = tuple[str | Placeholder, ...]
"""A text with places for variables."""


@dataclass(frozen=True, slots=True)
class BorderSlot:
    """A rectangle: outlined, filled, or both."""

    box_mm: BoxMm
    line_pt: float = 0.75
    colour: Colour = BLACK
    fill: Colour | None = None


@dataclass(frozen=True, slots=True)
class ImageSlot:
    """A place for the picture that is given when the template is filled, or for one that lies beside the template.

    :param file: the picture beside the template; ``None`` stands for the given one.
    :param fit: ``contain`` shows what is visible of the picture as large as the box allows, ``true_size`` at the
        size it is given with, which the box must be able to hold.
    :param required: refuse to be filled without a picture.
    """

    box_mm: BoxMm
    file: str | None = None
    fit: Literal["contain", "true_size"] = "contain"
    align: Align = "centre"
    vertical: Vertical = "middle"
    required: bool = True


@dataclass(frozen=True, slots=True)
class QrSlot:
    """A QR code; left out when an optional variable of its content has no value."""

    box_mm: BoxMm
    content: Fragments
    error_correction: Literal["L", "M", "Q", "H"] = "M"
    colour: Colour = BLACK


@dataclass(frozen=True, slots=True)
class LinesSlot:
    """Lines of text; fields as in :class:`kyso_stamps.spec.TextItem`."""

    box_mm: BoxMm
    text: tuple[Fragments, ...]
    size_pt: float = SIZE_PT
    min_size_pt: float = MIN_SIZE_PT
    align: Align = "left"
    vertical: Vertical = "top"
    bold: bool = False
    italic: bool = False
    colour: Colour = BLACK
    leading: float = 1.2
    wrap: bool = True


Slot = BorderSlot | ImageSlot | QrSlot | LinesSlot


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was read without problems.

    :param folder: where its own pictures lie; ``None`` for one that cannot have any.
    :param slots: in the order of drawing: borders, pictures, QR codes, lines.
    :param variables: what its texts name, in the order of their first appearance.
    """

    name: str
    vi: str
    en: str
    width_mm: float
    height_mm: float
    slots: tuple[Slot, ...]
    variables: tuple[Variable, ...]
    required: frozenset[str]
    folder: Path | None = None

    @property
    def takes_image(self) -> bool:
        """Whether it has a place for a given picture."""
        return any(isinstance(slot, ImageSlot) and slot.file is None for slot in self.slots)

    @property
    def true_size(self) -> bool:
        """Whether a picture in it has a true size, so that the whole may not be scaled."""
        return any(isinstance(slot, ImageSlot) and slot.fit == "true_size" for slot in self.slots)


class TextFault(ValueError):
    """A text with a brace that begins or ends nothing; `at` is the text from there on."""

    def __init__(self, at: str) -> None:
        super().__init__(at)
        self.at = at


def parse_text(text: str) -> Fragments:
    """Split a template's text at its variables.

    :raises TextFault: a brace stands alone.
    """
    fragments: list[str | Placeholder] = []
    end = 0
    for found in _PLACEHOLDER.finditer(text):
        fragments.append(text[end : found.start()])
        end = found.end()
        if found[1] is not None:
            fragments.append(Placeholder(found[1], bool(found[2]), found[3], found[0]))
        elif found[0] in ("{{", "}}"):
            fragments.append(found[0][0])
        else:
            raise TextFault(text[found.start() : found.start() + 20])
    fragments.append(text[end:])
    return tuple(fragment for fragment in fragments if fragment != "")


def wrong_directive(pattern: str) -> str | None:
    """Return what a time pattern holds that is no directive of it, ``None`` where all is well."""
    if pattern == WORDS:
        return None
    return next((found[0] for found in _DIRECTIVE.finditer(pattern) if found[1] not in _DIRECTIVES), None)


def shown_moment(value: date, pattern: str) -> str:
    """Write a time or date by `pattern`: ``%d %m %Y %y %H %M %S %z %%``, or ``words``.

    A date has no hours: they read 00. ``%z`` is ``+07:00`` (ISO 8601-1, 5.3.4).
    """
    moment = value.astimezone(VIETNAM) if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    if pattern == WORDS:
        # Days below 10 and the months 1 and 2 take a leading zero, the other months none.
        month = f"{moment.month:02}" if moment.month <= 2 else str(moment.month)
        return f"ngày {moment.day:02} tháng {month} năm {moment.year}"
    parts = {
        "d": f"{moment.day:02}",
        "m": f"{moment.month:02}",
        "Y": f"{moment.year:04}",
        "y": f"{moment.year % 100:02}",
        "H": f"{moment.hour:02}",
        "M": f"{moment.minute:02}",
        "S": f"{moment.second:02}",
        "z": "+07:00",
        "%": "%",
    }
    return _DIRECTIVE.sub(lambda found: parts[found[1]], pattern)


_DIRECTIVES = frozenset("dmYyHMSz%")


def placeholders(slot: Slot) -> Iterator[Placeholder]:
    """Yield the variables of a slot in order."""
    texts = slot.text if isinstance(slot, LinesSlot) else (slot.content,) if isinstance(slot, QrSlot) else ()
    for fragments in texts:
        yield from (fragment for fragment in fragments if isinstance(fragment, Placeholder))
