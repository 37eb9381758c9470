"""Signed content that no reader shows: what a shadow attack prepares before the signature (Mainka et al., NDSS 2021).

Showing it takes a further change, and that change is judged where changes are judged; until then the letter is what it
seems. What is found here is therefore a warning and never a verdict: the person who signed may not have known of it.

Looked for is only what ordinary letters do not have: layers that are switched off, drawn notes that are hidden, a
second catalog, and an object defined twice in one revision. What this does not find: a picture or a field that
covers text on purpose, because seals, scans and forms cover text for good reasons.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pikepdf import Array, Dictionary, Name, Stream

from kyso.document.fields import text_or_none
from kyso.document.opening import PARSER_ERRORS
from kyso.errors import InputRefused
from kyso.frozen import dataclass
from kyso.models import Notice

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pikepdf

    from kyso.document.pages import ObjectId, PageTree
    from kyso.verification.source import ByteSource

MAX_BYTES: Final = 32 << 20
MAX_PAGES: Final = 300
_SHOWN_NAMES: Final = 10
_OBJECT = re.compile(rb"(?:[\s\x00]|%(?!%EOF)[^\r\n]*+)*+(\d{1,10})[\s\x00]+(\d{1,5})[\s\x00]+obj\b")
_LENGTH = re.compile(rb"/Length[\s\x00]+(\d{1,10})\b(?![\s\x00]+\d+[\s\x00]+R)")
_REVISION_END = b"%%EOF"
_FIRST_LINE_END = b"\n"
_HEAD_BYTES: Final = 4096
_HIDDEN, _NO_VIEW = 2, 32
_NOT_DRAWN_BY_THEMSELVES: Final = frozenset({"/Widget", "/Popup", "/Link"})


def hidden_content(source: ByteSource, pdf: pikepdf.Pdf, tree: PageTree) -> tuple[Notice, ...]:
    """Return warnings about hidden content of a signed document."""
    found: list[Notice] = []
    try:
        found += _hidden_layers(pdf.Root)
        found += _hidden_notes(tree)
        # A digest over a large file is read in pieces; it is not read again as a whole for a hint.
        if source.size <= MAX_BYTES:
            definitions = list(_definitions(source.read(0, source.size)))
            found += _second_catalog(definitions, pdf)
            found += _defined_twice(definitions)
    except (InputRefused, *PARSER_ERRORS):
        # Damage that touches the signatures was judged with them; a hint is not worth a verdict.
        return tuple(found)
    return tuple(found)


def _hidden_layers(root: pikepdf.Object) -> list[Notice]:
    """Find optional content that is off by default and that no event switches on (ISO 32000-2, 8.11.4)."""
    properties = root.get("/OCProperties")
    default = properties.get("/D") if isinstance(properties, Dictionary) else None
    if not isinstance(properties, Dictionary) or not isinstance(default, Dictionary):
        return []
    switched = {
        group.objgen for event in _dictionaries(default.get("/AS")) for group in _dictionaries(event.get("/OCGs"))
    }
    if default.get("/BaseState") == Name.OFF:
        shown = {group.objgen for group in _dictionaries(default.get("/ON"))}
        off = [group for group in _dictionaries(properties.get("/OCGs")) if group.objgen not in shown]
    else:
        off = _dictionaries(default.get("/OFF"))
    names = [text_or_none(group.get("/Name")) or "?" for group in off if group.objgen not in switched]
    return [Notice("verification.hidden_layers", {"layers": names[:_SHOWN_NAMES]})] if names else []


def _dictionaries(value: object) -> list[Dictionary]:
    if not isinstance(value, Array):
        return []
    return [item for item in value.as_list() if isinstance(item, Dictionary)]


def _hidden_notes(tree: PageTree) -> list[Notice]:
    pages: list[int] = []
    for number in range(1, min(tree.count, MAX_PAGES) + 1):
        annotations = tree.find(number).page.get("/Annots")
        if annotations is not None and any(map(_is_hidden_drawing, _dictionaries(annotations))):
            pages.append(number)
    return [Notice("verification.hidden_note", {"pages": pages[:_SHOWN_NAMES]})] if pages else []


def _is_hidden_drawing(annotation: Dictionary) -> bool:
    flags = annotation.get("/F")
    if not isinstance(flags, int) or not flags & (_HIDDEN | _NO_VIEW):
        return False
    appearance = annotation.get("/AP")
    drawn = appearance.get("/N") if isinstance(appearance, Dictionary) else None
    kind = annotation.get("/Subtype")
    return isinstance(drawn, Stream) and str(kind) not in _NOT_DRAWN_BY_THEMSELVES


@dataclass(frozen=True, slots=True)
class _Definition:
    """One ``N G obj`` ... ``endobj``: how many revisions ended before it, and its text, of a stream the head."""

    identity: ObjectId
    revision: int
    text: bytes


def _definitions(data: bytes) -> Iterator[_Definition]:
    """Walk over the objects as they stand in the file, whether a table leads to them or not.

    The data of a stream is stepped over where its length is right: an attached PDF has objects that are none of this
    one's, and most of a letter is stream data.
    """
    place, revision = max(data.find(_FIRST_LINE_END, data.find(b"%PDF-")), 0), 0
    end = -1
    while True:
        head = _OBJECT.match(data, place)
        begin = place if head is None else head.end()
        keyword = data.find(b"stream", begin, begin + _HEAD_BYTES)
        after = -1 if head is None or keyword < 0 else _data_end(data, begin, keyword)
        if end < max(begin, after):
            # Looked for once for each object: a file of a million ends of revisions has one object behind them.
            end = data.find(b"endobj", max(begin, after))
        if head is None:
            over = data.find(_REVISION_END, place, end)
            revision += over >= 0
            place = end + 6 if over < 0 else over + len(_REVISION_END)
            if end < 0:
                return
            continue
        if end < 0:
            return
        yield _Definition((int(head[1]), int(head[2])), revision, data[begin : end if after < 0 else after])
        place = end + 6


def _data_end(data: bytes, begin: int, keyword: int) -> int:
    """Return where the data of a stream ends by its /Length; -1 where it states none by itself, or a wrong one."""
    length = _LENGTH.search(data, begin, keyword)
    if length is None or b"endobj" in data[begin:keyword]:
        return -1
    start = keyword + 6 + (data[keyword + 6 : keyword + 7] == b"\r")
    after = start + 1 + int(length[1])
    right = data[start : start + 1] == b"\n" and data[after : after + 12].lstrip().startswith(b"endstream")
    return after if right else -1


def _second_catalog(definitions: list[_Definition], pdf: pikepdf.Pdf) -> list[Notice]:
    """Find a catalog with pages of its own that the trailer does not name."""
    root = pdf.Root
    for definition in definitions:
        if definition.identity == root.objgen or b"/Catalog" not in definition.text[:_HEAD_BYTES]:
            continue
        other = pdf.get_object(definition.identity)
        if (
            isinstance(other, Dictionary)
            and other.get("/Type") == Name.Catalog
            and isinstance(pages := other.get("/Pages"), Dictionary)
            and pages.objgen != root.Pages.objgen
        ):
            return [Notice("verification.hidden_pages")]
    return []


def _defined_twice(definitions: list[_Definition]) -> list[Notice]:
    """Find objects with two different definitions in one revision: which of them counts is one table entry's choice."""
    known: dict[tuple[ObjectId, int], bytes] = {}
    twice = {
        definition.identity[0]
        for definition in definitions
        if known.setdefault((definition.identity, definition.revision), definition.text) != definition.text
    }
    return [Notice("verification.hidden_objects", {"objects": sorted(twice)[:_SHOWN_NAMES]})] if twice else []
