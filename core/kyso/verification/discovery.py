"""Every signature of a document: those the form lists, those a page shows, and those that hide elsewhere.

What is found here is plain data; the parser's objects stay behind. Usage rights signatures (/Perms /UR3, made by
Adobe for its Reader) are nobody's signature and are left out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from pikepdf import Array, Dictionary, Name, Object, Pdf, String

from kyso.document.fields import SignatureField, read_form, text_or_none
from kyso.document.permissions import FieldLock, read_lock
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kyso.document.pages import ObjectId, PageTree
    from kyso.geometry import RectMm
    from kyso.verification.source import ByteSource

MAX_SIGNATURES: Final = 2000
_OBJECT_HEADER = re.compile(rb"(?:^|[\s\x00>])(\d{1,10})[\s\x00]+(\d{1,5})[\s\x00]+obj\b")
_PDF_DATE = re.compile(r"D?:?(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(?:([Zz])|([+-])(\d{2})'?(\d{2})?'?)?")


@dataclass(frozen=True, slots=True)
class FoundSignature:
    """One signature dictionary with everything the verdict needs from it.

    :param field: fully qualified name, empty where no field leads to it.
    :param in_form: whether the form's /Fields leads to it.
    :param holder: the indirect object the dictionary is or stands in.
    :param stated_range: /ByteRange as it stands.
    :param contents: /Contents as the parser sees it; ``None`` where it is no string.
    :param certificates: /Cert, used by adbe.x509.rsa_sha1.
    :param claimed_time: /M, aware where a zone is given (else taken as UTC).
    :param docmdp: permission of a DocMDP reference of this signature.
    :param locks: fields that this signature froze.
    :param certifies: whether /Perms /DocMDP names it.
    """

    field: str
    in_form: bool
    holder: ObjectId
    sub_filter: str
    is_timestamp: bool
    stated_range: tuple[Any, ...] | None
    contents: bytes | None
    certificates: tuple[bytes, ...]
    claimed_time: datetime | None
    claimed_name: str
    docmdp: Literal[1, 2, 3] | None
    locks: tuple[FieldLock, ...]
    certifies: bool
    page: int | None
    rect_mm: RectMm | None


@dataclass(frozen=True, slots=True)
class Discovery:
    """All signatures, and fields that wait for one."""

    signatures: tuple[FoundSignature, ...]
    empty_fields: tuple[str, ...]
    unexplained: int
    """How many ``/ByteRange`` stand in the file without belonging to a current signature."""


def find_in_form(pdf: Pdf, tree: PageTree, name: str) -> tuple[list[FoundSignature], list[str]]:
    """Return the signatures that fields or pages lead to, and the names of empty signature fields.

    :raises InputRefused: the form is larger than any real one.
    """
    root = pdf.Root
    certification = _certification(root)
    found: list[FoundSignature] = []
    empty: list[str] = []
    seen: set[ObjectId] = set()
    for field in read_form(cast("Dictionary", root), tree, name).signature_fields:
        if field.value is None:
            empty.append(field.name)
            continue
        holder = _holder(field.value, field.node)
        # Two fields may share one value (/V in two widgets of one field); it is one signature.
        if field.value.objgen != (0, 0) and field.value.objgen in seen:
            continue
        seen.add(field.value.objgen)
        found.append(_describe(field.value, holder, certification, field, tree))
        if len(found) > MAX_SIGNATURES:
            break
    return found, empty


def find_elsewhere(
    pdf: Pdf,
    source: ByteSource,
    keys: Iterable[int],
    known: Iterable[FoundSignature],
    tree: PageTree,
    offsets: list[tuple[int, ObjectId]],
) -> tuple[list[FoundSignature], int]:
    """Look at each ``/ByteRange`` in the raw bytes that no known signature explains.

    :returns: signatures that nothing leads to, and the number of places that belong to no current object.
    """
    pending = sorted(keys)
    explained = {signature.holder for signature in known}
    if not pending:
        return [], 0
    starts = [offset for offset, _ in offsets]
    found: list[FoundSignature] = []
    unexplained = 0
    rights = _usage_rights(pdf.Root)
    certification = _certification(pdf.Root)
    for key in pending[:MAX_SIGNATURES]:
        position = bisect_right(starts, key) - 1
        identity = offsets[position][1] if position >= 0 else (0, 0)
        if identity in explained or identity in rights:
            continue
        candidate = pdf.get_object(identity) if position >= 0 else None
        if not isinstance(candidate, Dictionary) or not _stands_in(source, key, identity):
            unexplained += isinstance(candidate, Dictionary) or candidate is None
            continue
        dictionary = candidate if "/ByteRange" in candidate else candidate.get("/V")
        if not isinstance(dictionary, Dictionary) or "/ByteRange" not in dictionary:
            unexplained += 1
            continue
        explained.add(identity)
        found.append(_describe(dictionary, identity, certification, None, tree))
    return found, unexplained


def stands_at(pdf_offsets: list[tuple[int, ObjectId]], holder: ObjectId, gap: int, gap_end: int) -> bool:
    """Tell whether the gap lies inside the object that holds the signature dictionary.

    Otherwise the signed bytes hold another signature's /Contents than the one the reader is shown (wrapping).

    :param pdf_offsets: sorted (offset, object) of every object that stands in the file by itself.
    """
    position = bisect_right(pdf_offsets, (gap, (1 << 40, 0))) - 1
    if position < 0 or pdf_offsets[position][1] != holder:
        return False
    return position + 1 >= len(pdf_offsets) or pdf_offsets[position + 1][0] >= gap_end


def sorted_offsets(pdf: Pdf, base: int) -> list[tuple[int, ObjectId]]:
    """Return offset and identity of every object that stands in the file by itself, in the file's order.

    :param base: where the header stands.
    """
    return sorted(
        (base + (entry.offset or 0), identity) for identity, entry in pdf.get_xref_table().items() if entry.type == 1
    )


def _stands_in(source: ByteSource, key: int, identity: ObjectId) -> bool:
    before = source.read(max(0, key - (1 << 16)), min(key, 1 << 16))
    headers = list(_OBJECT_HEADER.finditer(before))
    return bool(headers) and (int(headers[-1][1]), int(headers[-1][2])) == identity


def _certification(root: Object) -> ObjectId | None:
    perms = root.get("/Perms")
    if isinstance(perms, Dictionary) and isinstance(certification := perms.get("/DocMDP"), Dictionary):
        return certification.objgen
    return None


def _usage_rights(root: Object) -> set[ObjectId]:
    perms = root.get("/Perms")
    if not isinstance(perms, Dictionary):
        return set()
    rights = (perms.get(key) for key in ("/UR", "/UR3"))
    return {_holder(item, perms, root) for item in rights if isinstance(item, Dictionary)}


def _holder(value: Object, *around: Object) -> ObjectId:
    """Return the indirect object that `value` is or, for a direct one, stands in."""
    for candidate in (value, *around):
        if candidate.objgen != (0, 0):
            return candidate.objgen
    return 0, 0


def _describe(
    value: Dictionary, holder: ObjectId, certification: ObjectId | None, field: SignatureField | None, tree: PageTree
) -> FoundSignature:
    contents = value.get("/Contents")
    stated = value.get("/ByteRange")
    certificates = value.get("/Cert")
    entries = certificates.as_list() if isinstance(certificates, Array) else [certificates]
    sub_filter = _name(value.get("/SubFilter"))
    permission, locks = _restrictions(value, field)
    moment = text_or_none(value.get("/M"))
    rect_mm: RectMm | None = None
    if field is not None and field.page is not None and field.has_area and field.rect_pt is not None:
        rect_mm = tree.find(field.page).geometry().to_display(field.rect_pt)
    return FoundSignature(
        field="" if field is None else field.name,
        in_form=field is not None and field.in_form,
        holder=holder,
        sub_filter=sub_filter,
        is_timestamp=sub_filter == "ETSI.RFC3161" or _name(value.get("/Type")) == "DocTimeStamp",
        stated_range=tuple(stated.as_list()) if isinstance(stated, Array) and len(stated) <= 64 else None,
        contents=bytes(contents) if isinstance(contents, String) else None,
        certificates=tuple(bytes(item) for item in entries if isinstance(item, String))[:50],
        claimed_time=None if moment is None else parse_date(moment),
        claimed_name=text_or_none(value.get("/Name")) or "",
        docmdp=permission,
        locks=locks,
        certifies=certification is not None and value.objgen == certification and value.objgen != (0, 0),
        page=None if field is None else field.page,
        rect_mm=rect_mm,
    )


def _name(value: object) -> str:
    return str(value).removeprefix("/") if isinstance(value, Name) else ""


def _restrictions(
    value: Dictionary, field: SignatureField | None
) -> tuple[Literal[1, 2, 3] | None, tuple[FieldLock, ...]]:
    """Read DocMDP and FieldMDP of one signature (ISO 32000-2, 12.8.2.2 and 12.8.2.4) and its field's lock."""
    levels: list[Literal[1, 2, 3]] = []
    locks: list[FieldLock] = []
    name = "" if field is None else field.name
    references = value.get("/Reference")
    for reference in references.as_list() if isinstance(references, Array) else []:
        if not isinstance(reference, Dictionary):
            continue
        parameters = reference.get("/TransformParams")
        known = parameters if isinstance(parameters, Dictionary) else Dictionary()
        method = _name(reference.get("/TransformMethod"))
        if method == "DocMDP":
            levels.append(_permission(known.get("/P", 2)))
        elif method == "FieldMDP" and (lock := read_lock(known, name)) is not None:
            locks.append(lock)
    own = field.node.get("/Lock") if field is not None else None
    if isinstance(own, Dictionary):
        if (lock := read_lock(own, name)) is not None:
            locks.append(lock)
        if "/P" in own:
            levels.append(_permission(own.get("/P")))
    return min(levels, default=None), tuple(locks)


def _permission(value: object) -> Literal[1, 2, 3]:
    # A permission that is not understood permits nothing.
    return 2 if value == 2 else 3 if value == 3 else 1


def parse_date(plain: str) -> datetime | None:
    """Read a PDF date (ISO 32000-2, 7.9.4), ``None`` where it is none. Without a zone it is taken as UTC."""
    match = _PDF_DATE.match(plain.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = (
        int(part) if part else default for part, default in zip(match.groups()[:6], (0, 1, 1, 0, 0, 0), strict=True)
    )
    zone: tzinfo = UTC
    if match[8]:
        offset = timedelta(hours=int(match[9]), minutes=int(match[10] or 0))
        if offset < timedelta(hours=24):
            zone = timezone(offset if match[8] == "+" else -offset)
    try:
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone)
    except ValueError:
        return None
