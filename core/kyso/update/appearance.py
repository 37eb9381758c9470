"""Writes a stamp's parts, once for each file: fonts and pictures are shared between its signatures.

A part that is to be shared carries its key as /KYSO_Key. A later signature finds candidates through the widgets of
earlier kyso signatures and takes one only if the file's bytes at that object are exactly what would be written now: a
prepared file could otherwise slip a foreign picture or a font with exchanged letters under a familiar key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pikepdf import Dictionary, Stream

from kyso.document.fields import text_or_none
from kyso.update.objects import real, text_string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kyso.document.opening import OpenLetter
    from kyso.document.pages import ObjectId
    from kyso.geometry import Matrix
    from kyso.update.section import UpdateSection
    from kyso_stamps import Appearance, Part

_REFERENCE = re.compile(rb"(\d{1,10}) 0 R")
_MAX_CANDIDATES = 400
_MAX_RESOURCE_DEPTH = 3
_MAX_PART_DEPTH = 16


def put_appearance(
    letter: OpenLetter,
    section: UpdateSection,
    appearance: Appearance,
    matrix: Matrix,
    written: dict[str, int] | None = None,
) -> int:
    """Write the parts that the file does not hold yet, and return the form XObject's object number.

    :param matrix: /Matrix of the form XObject, which turns it upright for the reader of the page.
    :param written: object numbers of shared parts by key that this very update has written; those of this appearance
        are added to it.
    """
    parts = appearance.parts
    numbers = {} if letter.is_encrypted else _shared(letter, parts)
    if written is not None:
        numbers |= {index: written[part.key] for index, part in enumerate(parts) if part.key in written}
    missing: list[int] = []
    pending = [0]
    while pending:
        index = pending.pop()
        if index in numbers:
            continue
        numbers[index] = section.new()
        missing.append(index)
        pending.extend(piece for piece in parts[index].head if isinstance(piece, int))
    for index in missing:
        part = parts[index]
        extra = b"/Matrix [ %b ] " % b" ".join(map(real, matrix)) if index == 0 else b""
        section.put((numbers[index], 0), _source(part, numbers, extra), part.stream)
        if written is not None and part.key:
            written[part.key] = numbers[index]
    return numbers[0]


def _template(part: Part, extra: bytes = b"") -> tuple[bytes | int, ...]:
    """Return the part's head with /Length, its key and `extra` after the ``<<``."""
    first = part.head[0]
    added = extra
    if part.stream is not None:
        added += b"/Length %d " % len(part.stream)
    if part.key:
        added += b"/KYSO_Key %b " % text_string(part.key)
    if not added:
        return part.head
    assert isinstance(first, bytes)
    assert first.startswith(b"<<")
    return (b"<< " + added + first[2:], *part.head[1:])


def _source(part: Part, numbers: Mapping[int, int], extra: bytes) -> bytes:
    return b"".join(
        piece if isinstance(piece, bytes) else b"%d 0 R" % numbers[piece] for piece in _template(part, extra)
    )


def _shared(letter: OpenLetter, parts: tuple[Part, ...]) -> dict[int, int]:
    """Return the parts (index -> object number) that the file already holds, byte for byte, with all they refer to."""
    keys = {part.key: index for index, part in enumerate(parts) if index and part.key}
    if not keys or not any(field.policy for field in letter.form.signature_fields):
        return {}
    found: dict[int, int] = {}
    offsets: dict[ObjectId, int] = {}
    for key, number in _candidates(letter):
        index = keys.get(key)
        if index is None or index in found:
            continue
        if not offsets:
            offsets = {
                identity: entry.offset
                for identity, entry in letter.pdf.get_xref_table().items()
                if entry.offset is not None
            }
        _match(letter, parts, index, number, offsets, found, 0)
    return found


def _candidates(letter: OpenLetter) -> list[tuple[str, int]]:
    """Return (key, object number) of what the appearances of earlier kyso signatures use."""
    candidates: list[tuple[str, int]] = []
    seen: set[ObjectId] = set()
    for field in reversed(letter.form.signature_fields):
        if field.policy and field.widget is not None and len(seen) < _MAX_CANDIDATES:
            appearance = field.widget.get("/AP") if "/AP" in field.widget else None
            form = appearance.get("/N") if isinstance(appearance, Dictionary) else None
            if isinstance(form, Stream):
                _collect(form, candidates, seen, 0)
    return candidates


def _collect(form: Stream, candidates: list[tuple[str, int]], seen: set[ObjectId], depth: int) -> None:
    resources = form.get("/Resources") if "/Resources" in form else None
    if not isinstance(resources, Dictionary) or depth > _MAX_RESOURCE_DEPTH:
        return
    for category in ("/Font", "/XObject"):
        entries = resources.get(category) if category in resources else None
        for item in entries.as_dict().values() if isinstance(entries, Dictionary) else ():
            if not isinstance(item, (Dictionary, Stream)) or item.objgen in seen or len(seen) >= _MAX_CANDIDATES:
                continue
            seen.add(item.objgen)
            key = text_or_none(item.get("/KYSO_Key")) if "/KYSO_Key" in item else None
            if key is not None and item.objgen[1] == 0:
                candidates.append((key, item.objgen[0]))
            elif isinstance(item, Stream):
                _collect(item, candidates, seen, depth + 1)


def _match(
    letter: OpenLetter,
    parts: tuple[Part, ...],
    index: int,
    number: int,
    offsets: Mapping[ObjectId, int],
    found: dict[int, int],
    depth: int,
) -> bool:
    """Tell whether object `number` is exactly `parts[index]`, and all it refers to likewise; note it in `found`."""
    if index in found:
        return found[index] == number
    offset = offsets.get((number, 0))
    if offset is None or depth > _MAX_PART_DEPTH or index == 0:
        return False
    part = parts[index]
    template = _template(part)
    longest = sum(len(piece) if isinstance(piece, bytes) else 14 for piece in template)
    raw = letter.read_at(offset, longest + len(part.stream or b"") + 48)
    start = b"%d 0 obj\n" % number
    if not raw.startswith(start):
        return False
    position = len(start)
    referred: dict[int, int] = {}
    for piece in template:
        if isinstance(piece, bytes):
            if not raw.startswith(piece, position):
                return False
            position += len(piece)
            continue
        reference = _REFERENCE.match(raw, position)
        if reference is None or referred.setdefault(piece, int(reference.group(1))) != int(reference.group(1)):
            return False
        position = reference.end()
    rest = b"\nendobj\n" if part.stream is None else b"\nstream\n" + part.stream + b"\nendstream\nendobj\n"
    if not raw.startswith(rest, position):
        return False
    if not all(
        _match(letter, parts, child, child_number, offsets, found, depth + 1)
        for child, child_number in referred.items()
    ):
        return False
    found[index] = number
    return True
