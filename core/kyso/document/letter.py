"""The opened letter: what the parsed file answers about its structure, its pages and its signatures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pikepdf

from kyso.contracts import FieldInfo, TextFieldInfo
from kyso.document.crossref import NewestSection, find_newest_section, table_is_regular
from kyso.document.fields import Form, SignatureField, TextField, page_annotations, read_form
from kyso.document.pages import PageNode, PageTree, rectangle_or_none
from kyso.document.permissions import FieldLock, Permission, docmdp, field_locks
from kyso.errors import InputRefused
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from typing import BinaryIO

    from kyso.contracts import TextLine
    from kyso.document.identity import FileIdentity
    from kyso.document.pdfium import SharedDocument
    from kyso.geometry import PageGeometry, RectMm
    from kyso.models import Source
    from kyso.secret import Secret

XrefForm = Literal["table", "stream", "hybrid"]

PARSER_ERRORS = (
    pikepdf.PdfError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
    RuntimeError,
)
"""What pikepdf raises on malformed objects; every one of them means that the file is damaged."""

_HIDDEN_OR_NO_VIEW = 2 | 32  # annotation flags, ISO 32000-2, table 167
_READ_ONLY = 1  # field flags, ISO 32000-2, table 227
_NOT_SEEN = frozenset({"/Popup", "/Link"})
_REBUILT = "Attempting to reconstruct cross-reference table"
_GUESSED = ("(trailer, offset", "accepting invalid xref table entry")
_HARMLESS = "invalid /ID in trailer"
_TIFF_PREDICTOR = 2
_KEPT_TEXTS = 32
"""The lines of so many pages are remembered: a policy asks for the first and the last pages more than once."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """What the parser reads from, and both ends of it; `data` is the whole of a small file."""

    stream: BinaryIO
    size: int
    head: bytes
    tail: bytes
    data: bytes | None
    identity: FileIdentity | None = None


class OpenLetter:
    """An opened letter. Made by :func:`open_letter`, usable inside its ``with`` block."""

    __slots__ = (
        "_data",
        "_form",
        "_geometries",
        "_guessed",
        "_pages",
        "_rebuilt",
        "_section",
        "_shared",
        "_size_is_right",
        "_tail",
        "_texts",
        "header_offset",
        "name",
        "password",
        "pdf",
        "size",
        "source",
        "source_identity",
    )

    def __init__(
        self, source: Source, name: str, opened: OpenedFile, pdf: pikepdf.Pdf, password: Secret | None
    ) -> None:
        self.source = source
        self._shared: SharedDocument | None = None
        self._texts: dict[int, tuple[TextLine, ...]] = {}
        self.name = name
        self.size = opened.size
        self.source_identity = opened.identity
        self.pdf = pdf
        self.password = password
        self._data = opened.data
        self.header_offset = opened.head.find(b"%PDF-")
        self._tail = opened.tail
        warnings = pdf.get_warnings()  # reading them clears them
        self._size_is_right = not warnings
        self._rebuilt = any(_REBUILT in warning for warning in warnings)
        # What this parser guessed of a trailer or an entry other readers guess differently, or give up.
        self._guessed = any(part in warning and _HARMLESS not in warning for warning in warnings for part in _GUESSED)
        self._pages: PageTree | None = None
        self._geometries: dict[int, PageGeometry] = {}
        self._form: Form | None = None
        self._section: NewestSection | None = None

    # ------------------------------------------------------------------------------------------------- the file

    @property
    def is_encrypted(self) -> bool:
        """Whether the file is encrypted, also with an empty user password."""
        return bool(self.pdf.is_encrypted)

    @property
    def is_damaged(self) -> bool:
        """Whether the file must be repaired before anything can be appended to it."""
        return self.damage is not None

    @property
    def damage(self) -> str | None:
        """Code of what is wrong with the file's structure, ``None`` for a sound file."""
        if self.header_offset:
            # Offsets then count from the header for some readers and from the first byte for others; pyHanko and MuPDF
            # open no such file at all.
            return "document.junk_before_header"
        section = self._newest_section
        if self._rebuilt or self._guessed or section is None or not self._is_legible(section):
            return "document.damaged"
        return None

    def _is_legible(self, section: NewestSection) -> bool:
        """Whether readers other than this tolerant parser find the objects through the newest section."""
        if not section.is_stream:
            return table_is_regular(section, self.read_at)
        parameters = self.pdf.trailer.get("/DecodeParms")
        return not (isinstance(parameters, pikepdf.Dictionary) and parameters.get("/Predictor") == _TIFF_PREDICTOR)

    @property
    def xref_form(self) -> XrefForm:
        """Form of the newest cross-reference section; an update is written in the same form."""
        section = self.newest_section
        return "stream" if section.is_stream else "hybrid" if "/XRefStm" in self.pdf.trailer else "table"

    @property
    def newest_section(self) -> NewestSection:
        """Where the newest cross-reference section stands.

        :raises InputRefused: the file is damaged.
        """
        section = self._newest_section
        if section is None:
            raise InputRefused("document.damaged", name=self.name)
        return section

    @property
    def _newest_section(self) -> NewestSection | None:
        if self._section is None:
            self._section = find_newest_section(self._tail, self.size, self.read_at)
        return self._section

    @property
    def ends_with_newline(self) -> bool:
        """Whether the last byte ends a line."""
        return self._tail[-1:] in (b"\n", b"\r")

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to `length` raw bytes of the file from `offset`."""
        if self._data is not None:
            return self._data[offset : offset + length]
        assert isinstance(self.source, Path)
        try:
            with self.source.open("rb") as file:
                file.seek(offset)
                return file.read(length)
        except OSError as error:
            raise InputRefused("document.unreadable", name=self.name, cause=error.strerror or str(error)) from error

    @property
    def highest_object_number(self) -> int:
        """Highest object number in use anywhere in the file, whatever /Size claims."""
        size = self.pdf.trailer.get("/Size")
        if self._size_is_right and isinstance(size, int) and size > 0:
            # qpdf warns on opening when /Size is not the highest number plus one.
            return size - 1
        highest = max((number for number, _ in self.pdf.get_xref_table()), default=0)
        return max(highest, size - 1 if isinstance(size, int) and 0 < size <= 2**23 else 0)

    # ------------------------------------------------------------------------------------------------ the pages

    @property
    def root(self) -> pikepdf.Dictionary:
        """The document catalog.

        :raises InputRefused: there is none.
        """
        root = self.pdf.Root
        if not isinstance(root, pikepdf.Dictionary):
            raise InputRefused("document.damaged", name=self.name)
        return root

    @property
    def pages(self) -> PageTree:
        """The page tree."""
        if self._pages is None:
            with self._reading():
                self._pages = PageTree(self.root, self.name)
        return self._pages

    @property
    def page_count(self) -> int:
        """Number of pages."""
        with self._reading():
            return self.pages.count

    def page_node(self, number: int) -> PageNode:
        """Return the page object of a page; 1 is the first, -1 the last.

        :raises InputRefused: there is no such page.
        """
        with self._reading():
            return self.pages.find(number)

    def page(self, number: int) -> PageGeometry:
        """Return the geometry of a page; 1 is the first, -1 the last.

        :raises InputRefused: there is no such page.
        """
        geometry = self._geometries.get(number)
        if geometry is None:
            with self._reading():
                geometry = self._geometries[number] = self.pages.find(number).geometry()
        return geometry

    def widgets_mm(self, number: int) -> tuple[RectMm, ...]:
        """Return the rectangles of the page's visible annotations and form fields; links and pop-ups do not count."""
        with self._reading():
            node = self.pages.find(number)
            geometry = self.page(number)
            rects = [
                rectangle_or_none(entry.get("/Rect")) for entry in page_annotations(node.page) if _is_visible(entry)
            ]
            return tuple(
                geometry.to_display(rect) for rect in rects if rect and rect[0] < rect[2] and rect[1] < rect[3]
            )

    # ------------------------------------------------------------------------------------------- the signatures

    @property
    def form(self) -> Form:
        """The interactive form with the signature fields and their objects."""
        if self._form is None:
            with self._reading():
                self._form = read_form(self.root, self.pages, self.name)
        return self._form

    @property
    def signature_fields(self) -> tuple[FieldInfo, ...]:
        """Every signature field, signed or empty; widgets that the form does not list come last."""
        with self._reading():
            return tuple(self._field_info(field) for field in self.form.signature_fields)

    @property
    def signature_count(self) -> int:
        """Number of signature fields that have a value."""
        return sum(field.value is not None for field in self.form.signature_fields)

    @property
    def docmdp(self) -> Permission | None:
        """The strictest DocMDP permission in force: 1 no changes, 2 form filling, 3 annotations; ``None`` without."""
        with self._reading():
            return docmdp(self.root, self.form.signature_fields)

    @property
    def field_locks(self) -> tuple[FieldLock, ...]:
        """The fields that existing signatures froze (FieldMDP)."""
        with self._reading():
            return field_locks(self.form.signature_fields)

    @property
    def text_fields(self) -> tuple[TextFieldInfo, ...]:
        """The form's text fields that have one visible widget."""
        with self._reading():
            shown = [field for field in self.form.text_fields if self._is_shown(field)]
            permits = not self.signature_count or self.docmdp in (2, 3)
            locks = self.field_locks if shown else ()
            return tuple(
                TextFieldInfo(
                    field.name,
                    field.label,
                    field.value,
                    field.page,
                    self.page(field.page).to_display(field.rect_pt),
                    permits and is_fillable(field) and not any(lock.locks(field.name) for lock in locks),
                )
                for field in shown
                if field.page is not None and field.rect_pt is not None
            )

    def _is_shown(self, field: TextField) -> bool:
        rect = field.rect_pt
        has_area = rect is not None and rect[0] < rect[2] and rect[1] < rect[3]
        return has_area and field.page is not None and _is_visible(field.widget)

    def _field_info(self, field: SignatureField) -> FieldInfo:
        rect = None
        if field.page is not None and field.rect_pt is not None and field.has_area:
            rect = self.page(field.page).to_display(field.rect_pt)
        return FieldInfo(field.name, field.value is not None, field.page, rect, field.policy)

    # ----------------------------------------------------------------------------------- what the pages show

    @property
    def shared_document(self) -> SharedDocument:
        """pdfium's view of the letter, opened once however often its pages are looked at."""
        if self._shared is None:
            from kyso.document.pdfium import SharedDocument

            self._shared = SharedDocument(self.source, self.name, self.password)
        return self._shared

    def close(self) -> None:
        """Let go of what was opened to look at pages."""
        if self._shared is not None:
            self._shared.close()

    def text_lines(self, number: int) -> tuple[TextLine, ...]:
        """Return the page's text lines from top to bottom, left to right."""
        known = self._texts.get(number)
        if known is None:
            from kyso.document.text import text_lines

            known = text_lines(self, number)
            if len(self._texts) < _KEPT_TEXTS:
                self._texts[number] = known
        return known

    def ink_mm(self, field: str) -> RectMm | None:
        """Return the bounding box of what a signed field's appearance visibly draws, in display space."""
        from kyso.document.ink import ink_mm

        return ink_mm(self, field)

    def free_of_ink(self, number: int, rect: RectMm) -> bool:
        """Tell whether nothing on the page is drawn inside `rect`."""
        from kyso.document.ink import free_of_ink

        return free_of_ink(self, number, rect)

    def _reading(self) -> _Reading:
        return _Reading(self.name)


class _Reading:
    """See :func:`reading`. A class, because a generator is slow and this is on the fast path."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, InputRefused):
            return
        if isinstance(error, MemoryError):
            raise InputRefused("document.too_large", name=self._name) from error
        if isinstance(error, PARSER_ERRORS):
            raise InputRefused("document.damaged", name=self._name) from error


def reading(name: str) -> _Reading:
    """Return a context in which what a malformed object makes pikepdf raise becomes ``document.damaged``.

    :param name: the letter's name, for the error.
    """
    return _Reading(name)


def is_fillable(field: TextField) -> bool:
    """Tell whether the writer can fill a text field; a widget apart from its field cannot be, in a signed letter."""
    return field.node.objgen != (0, 0) and field.widget.objgen == field.node.objgen and not field.flags & _READ_ONLY


def _is_visible(annotation: pikepdf.Dictionary) -> bool:
    flags = annotation.get("/F") if "/F" in annotation else 0
    if isinstance(flags, int) and flags & _HIDDEN_OR_NO_VIEW:
        return False
    return str(annotation.get("/Subtype")) not in _NOT_SEEN
