"""Signed content that no reader shows: what a shadow attack prepares before the signature (Mainka et al., NDSS 2021).

Showing it takes a further change, and that change is judged where changes are judged; until then the letter is what it
seems. What is found here is therefore a warning and never a verdict: the person who signed may not have known of it.

Looked for is only what ordinary letters do not have: layers that are switched off, drawn notes that are hidden, a
second catalog, and an object defined twice in one revision. What this does not find: a picture or a field that
covers text on purpose, because seals, scans and forms cover text for good reasons.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from pikepdf import Array, Dictionary, Name, Stream

from kyso.document.fields import text_or_none
from kyso.document.opening import PARSER_ERRORS
from kyso.errors import InputRefused
from kyso.models import Notice

if TYPE_CHECKING:
    import pikepdf

    from kyso.document.pages import ObjectId, PageTree
    from kyso.verification.source import ByteSource

MAX_BYTES: Final = 32 << 20
MAX_PAGES: Final = 300
_SHOWN_NAMES: Final = 10
_OBJECT = re.compile(rb"endobj[\s\x00]+(\d{1,10})[\s\x00]+(\d{1,5})[\s\x00]+obj\b")
_REVISION_END = b"%%EOF"
_CATALOG = b"/Catalog"
_HIDDEN, _NO_VIEW = 2, 32
_NOT_DRAWN_BY_THEMSELVES: Final = frozenset({"/Widget", "/Popup", "/Link"})


def hidden_content(
    source: ByteSource, pdf: pikepdf.Pdf, tree: PageTree, offsets: list[tuple[int, ObjectId]]
) -> tuple[Notice, ...]:
    """Return warnings about hidden content of a signed document.

    :param offsets: sorted (offset, object) of every object that stands in the file by itself.
    """
    found: list[Notice] = []
    try:
        found += _hidden_layers(pdf.Root)
        found += _hidden_notes(tree)
        # A digest over a large file is read in pieces; it is not read again as a whole for a hint.
        if source.size <= MAX_BYTES:
            data = source.read(0, source.size)
            found += _second_catalog(data, pdf, offsets)
            found += _defined_twice(data, pdf, offsets)
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


def _second_catalog(data: bytes, pdf: pikepdf.Pdf, offsets: list[tuple[int, ObjectId]]) -> list[Notice]:
    """Find a catalog with pages of its own that the trailer does not name."""
    if data.count(_CATALOG) < 2:
        return []
    root = pdf.Root
    place = data.find(_CATALOG)
    while place >= 0:
        position = bisect_right(offsets, (place, (1 << 40, 0))) - 1
        identity = offsets[position][1] if position >= 0 else root.objgen
        other = pdf.get_object(identity) if identity != root.objgen else None
        if (
            isinstance(other, Dictionary)
            and other.get("/Type") == Name.Catalog
            and isinstance(pages := other.get("/Pages"), Dictionary)
            and pages.objgen != root.Pages.objgen
        ):
            return [Notice("verification.hidden_pages")]
        place = data.find(_CATALOG, place + 1)
    return []


def _defined_twice(data: bytes, pdf: pikepdf.Pdf, offsets: list[tuple[int, ObjectId]]) -> list[Notice]:
    """Find objects with two different definitions in one revision: which of them counts is one table entry's choice."""
    if data.count(b"endobj") <= len(offsets):
        return []
    twice: set[int] = set()
    known: dict[tuple[bytes, bytes], int] = {}
    revision_end = data.find(_REVISION_END)
    for match in _OBJECT.finditer(data):
        start = match.start(1)
        if 0 <= revision_end < start:
            known.clear()
            revision_end = data.find(_REVISION_END, start)
        earlier = known.setdefault((match[1], match[2]), start)
        if earlier == start or _definition(data, earlier) == _definition(data, start):
            continue
        if not any(_inside_stream(pdf, offsets, position) for position in (earlier, start)):
            twice.add(int(match[1]))
    return [Notice("verification.hidden_objects", {"objects": sorted(twice)[:_SHOWN_NAMES]})] if twice else []


def _definition(data: bytes, start: int) -> bytes:
    return data[start : data.find(b"endobj", start)]


def _inside_stream(pdf: pikepdf.Pdf, offsets: list[tuple[int, ObjectId]], place: int) -> bool:
    """Tell whether a place lies in the data of a stream: an attached PDF has objects that are none of this one's."""
    position = bisect_right(offsets, (place, (1 << 40, 0))) - 1
    if position < 0 or offsets[position][0] == place:
        return False
    holder = pdf.get_object(offsets[position][1])
    return isinstance(holder, Stream) and place < offsets[position][0] + len(holder.read_raw_bytes())
