"""The first page of a PDF as a picture of vectors: its contents and resources, nothing else of the file.

Annotations, form fields, actions and scripts stay behind, because only the page's contents and what they refer to are
copied. What a drawing has no use for is refused: encryption, external files, PostScript, references to other PDFs. The
copy holds no pikepdf object: it is finished PDF source with references to be filled in.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kyso_stamps.appearance import Part
from kyso_stamps.errors import StampError
from kyso_stamps.pdfsyntax import deflated, numbers

if TYPE_CHECKING:
    import pikepdf

MAX_OBJECTS = 2000
MAX_DEPTH = 60
MAX_CONTENT_BYTES = 16 * 1024 * 1024
MAX_TOTAL_BYTES = 16 * 1024 * 1024

# What a drawing does not need and a signed letter should not carry along.
_LEFT_BEHIND = frozenset(
    [
        "/Length",
        "/Metadata",
        "/PieceInfo",
        "/LastModified",
        "/StructParent",
        "/StructParents",
        "/OPI",
        "/AF",
        "/OC",
        "/Alternates",
        "/Measure",
        "/PtData",
        "/Name",
    ]
)
_FORBIDDEN = frozenset(["/F", "/FFilter", "/FDecodeParms", "/Ref", "/PS"])


@dataclass(frozen=True, slots=True)
class VectorPicture:
    """A page as a form XObject.

    :param width_pt: visible width in points, after /Rotate and /UserUnit.
    :param height_pt: visible height in points.
    :param matrix: turns the form's space into the unit square, upright, y upwards.
    :param parts: ``parts[0]`` is the form.
    """

    width_pt: float
    height_pt: float
    matrix: tuple[float, float, float, float, float, float]
    parts: tuple[Part, ...]


def read_page(data: bytes, name: str) -> VectorPicture:
    """Read the first page of a PDF.

    :param name: the file's name, for errors.
    :raises StampError: ``stamp.image_unreadable``, ``stamp.image_unsupported``, ``stamp.image_too_large``.
    """
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(data)) as pdf:
            if not pdf.pages:
                raise StampError("stamp.image_unreadable", name=name)
            return _picture(pdf.pages[0], name)
    except (
        pikepdf.PdfError,
        pikepdf.PasswordError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        zlib.error,
        RuntimeError,
    ) as error:
        # pikepdf answers wrong types and broken files with any of these.
        raise StampError("stamp.image_unreadable", name=name) from error


def _picture(page: pikepdf.Page, name: str) -> VectorPicture:
    import pikepdf

    media = _box(page.mediabox)
    crop = _box(page.cropbox)
    left, bottom = max(media[0], crop[0]), max(media[1], crop[1])
    right, top = min(media[2], crop[2]), min(media[3], crop[3])
    if not (right > left and top > bottom and max(map(abs, (left, bottom, right, top))) < 1e6):
        raise StampError("stamp.image_unreadable", name=name)
    width, height = right - left, top - bottom
    inherited = page.obj
    rotation = 0
    for _ in range(MAX_DEPTH):
        if "/Rotate" in inherited:
            rotation = int(inherited.Rotate) % 360
            break
        parent = inherited.get("/Parent")
        if not isinstance(parent, pikepdf.Dictionary):
            break
        inherited = parent
    if rotation % 90:
        raise StampError("stamp.image_unreadable", name=name)
    unit = float(page.obj.get("/UserUnit", 1))
    if not 0 < unit < 1e4:
        raise StampError("stamp.image_unreadable", name=name)

    copier = _Copier(name)
    # The form's own part comes first; its place is taken before anything it refers to is copied.
    copier.parts.append(None)
    head: list[bytes | int] = [
        b"<</Type/XObject/Subtype/Form/BBox[%b]/Resources" % numbers(left, bottom, right, top).encode("ascii")
    ]
    copier.write(page.resources, head, 0)
    group = page.obj.get("/Group")
    if isinstance(group, pikepdf.Dictionary):
        head.append(b"/Group")
        copier.write(group, head, 0)
    content, filter_entry = deflated(_contents(page.obj.get("/Contents"), name))
    head.append(filter_entry + b">>")
    copier.parts[0] = Part(_joined(head), content)
    turned = {
        0: (1 / width, 0, 0, 1 / height, -left / width, -bottom / height),
        90: (0, -1 / width, 1 / height, 0, -bottom / height, right / width),
        180: (-1 / width, 0, 0, -1 / height, right / width, top / height),
        270: (0, 1 / width, -1 / height, 0, top / height, -left / width),
    }[rotation]
    shown = (width, height) if rotation in (0, 180) else (height, width)
    return VectorPicture(shown[0] * unit, shown[1] * unit, turned, copier.finished())


def _box(value: Any) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(number) for number in value)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _contents(contents: Any, name: str) -> bytes:
    import pikepdf

    if contents is None:
        return b""
    streams = list(contents) if isinstance(contents, pikepdf.Array) else [contents]
    if len(streams) > MAX_OBJECTS:
        raise StampError("stamp.image_unsupported", name=name)
    pieces: list[bytes] = []
    left = MAX_CONTENT_BYTES
    for stream in streams:
        if not isinstance(stream, pikepdf.Stream):
            raise StampError("stamp.image_unreadable", name=name)
        pieces.append(_decoded(stream, left, name))
        left -= len(pieces[-1])
    return b"\n".join(pieces)


def _decoded(stream: pikepdf.Stream, limit: int, name: str) -> bytes:
    """Return a content stream's data, never more than `limit` bytes, whatever its compression promises."""
    import pikepdf

    if _FORBIDDEN & set(stream.keys()):
        raise StampError("stamp.image_unsupported", name=name)
    data = stream.read_raw_bytes()
    if "/DecodeParms" in stream or "/DP" in stream:
        raise StampError("stamp.image_unsupported", name=name)
    filters = stream.get("/Filter")
    for item in list(filters) if isinstance(filters, pikepdf.Array) else [] if filters is None else [filters]:
        if item == "/FlateDecode":
            inflater = zlib.decompressobj()
            data = inflater.decompress(data, max(limit, 1))  # 0 would mean no limit
            if inflater.unconsumed_tail:
                raise StampError("stamp.image_file_too_large", name=name, limit=MAX_CONTENT_BYTES // 2**20)
            if not inflater.eof:  # half a seal is no seal
                raise StampError("stamp.image_unreadable", name=name)
        elif item == "/ASCII85Decode":
            data = base64.a85decode(data.strip().removeprefix(b"<~").partition(b"~>")[0])
        elif item == "/ASCIIHexDecode":
            digits = re.sub(rb"\s", b"", data.partition(b">")[0])
            data = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
        else:
            raise StampError("stamp.image_unsupported", name=name)
    if len(data) > limit:
        raise StampError("stamp.image_file_too_large", name=name, limit=MAX_CONTENT_BYTES // 2**20)
    return data


class _Copier:
    """Copies objects out of a PDF into parts, each indirect object once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts: list[Part | None] = []
        self._places: dict[tuple[int, int], int] = {}
        self._bytes = 0

    def write(self, value: Any, pieces: list[bytes | int], depth: int) -> None:
        """Append the source of `value` to `pieces`; an indirect object becomes a part and a reference."""
        import pikepdf

        if depth > MAX_DEPTH:
            raise StampError("stamp.image_unsupported", name=self.name)
        if isinstance(value, pikepdf.Object) and (value.is_indirect or isinstance(value, pikepdf.Stream)):
            pieces += [b" ", self._part(value, depth)]
            return
        self._direct(value, pieces, depth)

    def _part(self, value: pikepdf.Object, depth: int) -> int:
        import pikepdf

        place = self._places.get(value.objgen)
        if place is not None:
            return place
        place = self._places[value.objgen] = len(self.parts)
        if place > MAX_OBJECTS:
            raise StampError("stamp.image_unsupported", name=self.name)
        self.parts.append(None)
        head: list[bytes | int] = []
        stream = None
        if isinstance(value, pikepdf.Stream):
            keys = set(value.keys())
            if _FORBIDDEN & keys or value.get("/Subtype") == "/PS" or _has_crypt(value):
                raise StampError("stamp.image_unsupported", name=self.name)
            self._dictionary(value, head, depth, _LEFT_BEHIND)
            stream = value.read_raw_bytes()
        else:
            self._direct(value, head, depth)
        self._bytes += len(stream or b"") + sum(len(piece) for piece in head if isinstance(piece, bytes))
        if self._bytes > MAX_TOTAL_BYTES:
            raise StampError("stamp.image_file_too_large", name=self.name, limit=MAX_TOTAL_BYTES // 2**20)
        self.parts[place] = Part(_joined(head), stream)
        return place

    def _direct(self, value: Any, pieces: list[bytes | int], depth: int) -> None:
        import pikepdf

        if isinstance(value, pikepdf.Dictionary):
            self._dictionary(value, pieces, depth, frozenset())
        elif isinstance(value, pikepdf.Array):
            pieces.append(b"[")
            for item in value:
                pieces.append(b" ")
                self.write(item, pieces, depth + 1)
            pieces.append(b"]")
        elif isinstance(value, pikepdf.Object):
            pieces.append(b" " + value.unparse())
        else:
            pieces.append(b" " + _scalar(value))

    def _dictionary(self, value: Any, pieces: list[bytes | int], depth: int, left_behind: frozenset[str]) -> None:
        import pikepdf

        pieces.append(b"<<")
        for key, item in value.items():
            if key in left_behind:
                continue
            pieces.append(pikepdf.Name(key).unparse())
            self.write(item, pieces, depth + 1)
        pieces.append(b">>")

    def finished(self) -> tuple[Part, ...]:
        """Return the parts; those that can be shared have a key for the whole drawing and their place in it."""
        # Objects may refer to each other in circles (fonts, patterns), so a key cannot be built from below.
        parts = [part for part in self.parts if part is not None]
        digest = hashlib.sha256()
        for part in parts:
            for piece in part.head:
                digest.update(b"%d R\x00" % piece if isinstance(piece, int) else piece)
            digest.update(b"\x00%d\x00" % len(part.stream or b"") + (part.stream or b""))
        whole = digest.hexdigest()[:24]
        return tuple(
            Part(part.head, part.stream, f"{whole}-{place}" if part.stream is not None else "")
            for place, part in enumerate(parts)
        )


def _scalar(value: Any) -> bytes:
    """Write what pikepdf hands over as a Python value: null, a boolean, a number."""
    if value is None:
        return b"null"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return format(value, "d" if isinstance(value, int) else "f").encode("ascii")


def _has_crypt(stream: pikepdf.Stream) -> bool:
    import pikepdf

    filters = stream.get("/Filter")
    return filters == "/Crypt" or (isinstance(filters, pikepdf.Array) and any(item == "/Crypt" for item in filters))


def _joined(pieces: list[bytes | int]) -> tuple[bytes | int, ...]:
    """Join neighbouring byte pieces."""
    joined: list[bytes | int] = []
    for piece in pieces:
        if isinstance(piece, bytes) and joined and isinstance(joined[-1], bytes):
            joined[-1] += piece
        else:
            joined.append(piece)
    return tuple(joined)
