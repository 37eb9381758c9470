"""The one owner of pdfium: opens documents, renders pages and hands out text handles, under one lock.

pdfium is not thread-safe, not even between documents (its own README says so), therefore everything that touches it
happens under one process-wide lock. :func:`opened` closes every handle before the lock is released; a letter that is
read and looked at many times keeps its document (:class:`SharedDocument`) until it is closed itself, and is used under
the lock all the same. Servers render in pool processes, not in threads.

Only the raw bindings are loaded: the helper layer of pypdfium2 doubles the time a cold process needs.

What this module does not protect against: pdfium cannot be interrupted, so a page made to be slow is slow; the caller
that serves strangers limits the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import math
import os
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kyso.errors import InputRefused
from kyso.frozen import dataclass
from kyso.geometry import MM_PER_INCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

    from kyso.geometry import PageGeometry, RectMm
    from kyso.models import Source
    from kyso.secret import Secret

MAX_PIXELS = 64_000_000
"""Largest picture that is ever rendered: an A4 page at 800 dpi, an A0 poster at 150 dpi."""

MAX_KEPT_PIXELS = 4_000_000
"""Largest grey page that is kept for further looks: A3 at 110 dpi is half of it."""

# Positions farther out than this are no places on a page; they would overflow pdfium's integers.
_MAX_SIDE_PX = 2**24

_lock = threading.RLock()


class RenderableLetter(Protocol):
    """What rendering and text extraction need of an opened letter."""

    @property
    def name(self) -> str:
        """The letter's file name, for people."""

    @property
    def source(self) -> Source:
        """The file or its bytes."""

    @property
    def password(self) -> Secret | None:
        """The password that opened it."""

    def page(self, number: int) -> PageGeometry:
        """Geometry of a page."""


class RandomAccess(Protocol):
    """Bytes that pdfium may read in any order, for documents that exist in no single place."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""


@dataclass(frozen=True, slots=True)
class Raster:
    """A rendered area, one byte (grey) or four bytes (blue, green, red, unused) a pixel.

    :param left_mm: left edge of the picture's first pixel in display space.
    :param top_mm: upper edge of the picture's first pixel in display space.
    :param mm_per_px: size of a pixel.
    """

    width_px: int
    height_px: int
    stride: int
    data: bytes
    grey: bool
    left_mm: float
    top_mm: float
    mm_per_px: float

    def row(self, y: int) -> bytes:
        """Return the pixels of row `y` without padding."""
        start = y * self.stride
        return self.data[start : start + self.width_px * (1 if self.grey else 4)]

    def image(self) -> Image.Image:
        """Return the picture as a Pillow image."""
        from PIL import Image

        size = (self.width_px, self.height_px)
        if self.grey:
            return Image.frombuffer("L", size, self.data, "raw", "L", self.stride, 1)
        return Image.frombuffer("RGB", size, self.data, "raw", "BGRX", self.stride, 1)


@cache
def library() -> Any:
    """Return pdfium's raw functions, initialised once. Only this folder calls them, inside :func:`opened`."""
    # Imported by name: the generated module carries no types.
    raw: Any = importlib.import_module("pypdfium2_raw.bindings")
    raw.FPDF_InitLibrary()
    return raw


class PdfiumDocument:
    """An open document. Valid only inside the ``with opened(...)`` block that gave it."""

    __slots__ = ("_forms", "_handle", "_name", "_raw")

    def __init__(self, raw: Any, handle: Any, name: str, forms: Any) -> None:
        self._raw = raw
        self._handle = handle
        self._name = name
        self._forms = forms

    @property
    def page_count(self) -> int:
        """Number of pages as pdfium counts them."""
        return int(self._raw.FPDF_GetPageCount(self._handle))

    @contextlib.contextmanager
    def loaded_page(self, number: int) -> Iterator[Any]:
        """Load page `number` (from 1) and give its raw handle.

        :raises InputRefused: pdfium cannot read the page.
        """
        page = self._raw.FPDF_LoadPage(self._handle, number - 1) if number >= 1 else None
        if not page:
            raise InputRefused("page.unreadable", name=self._name, page=number)
        try:
            yield page
        finally:
            self._raw.FPDF_ClosePage(page)

    @contextlib.contextmanager
    def loaded_text(self, number: int) -> Iterator[Any]:
        """Load the text of page `number` (from 1) and give its raw text handle.

        :raises InputRefused: pdfium cannot read the page.
        """
        with self.loaded_page(number) as page:
            text = self._raw.FPDFText_LoadPage(page)
            if not text:
                raise InputRefused("page.unreadable", name=self._name, page=number)
            try:
                yield text
            finally:
                self._raw.FPDFText_ClosePage(text)

    def render(
        self,
        geometry: PageGeometry,
        *,
        dpi: float,
        area: RectMm | None = None,
        draw_forms: bool = True,
        grey: bool = False,
    ) -> Raster:
        """Render the visible page, or the part of it inside `area`, on white.

        :param geometry: the page; its number says which.
        :param dpi: pixels per inch of display space, /UserUnit included.
        :param area: part to render, in display space; cut at the page's edges.
        :param draw_forms: draw annotations and form fields too.
        :raises InputRefused: the picture would be larger than :data:`MAX_PIXELS`, or the page cannot be read.
        """
        whole = geometry.rect_mm
        part = whole if area is None else _common_part(whole, area)
        px_per_mm = dpi / MM_PER_INCH
        left = math.floor(part.left * px_per_mm + 1e-6)
        top = math.floor(part.top * px_per_mm + 1e-6)
        width = max(1, math.ceil(part.right * px_per_mm - 1e-6) - left)
        height = max(1, math.ceil(part.bottom * px_per_mm - 1e-6) - top)
        full_width, full_height = round(whole.width * px_per_mm), round(whole.height * px_per_mm)
        if width * height > MAX_PIXELS or max(full_width, full_height) > _MAX_SIDE_PX:
            raise InputRefused("page.too_large_to_render", name=self._name, page=geometry.number, dpi=round(dpi))
        with self.loaded_page(geometry.number) as page:
            raster = self._painted(
                page, width, height, (-left, -top, max(1, full_width), max(1, full_height)), draw_forms, grey
            )
        return Raster(width, height, raster[0], raster[1], grey, left / px_per_mm, top / px_per_mm, 1.0 / px_per_mm)

    def _painted(
        self, page: Any, width: int, height: int, frame: tuple[int, int, int, int], draw_forms: bool, grey: bool
    ) -> tuple[int, bytes]:
        raw = self._raw
        kind = raw.FPDFBitmap_Gray if grey else raw.FPDFBitmap_BGRx
        flags = (raw.FPDF_ANNOT if draw_forms else 0) | (raw.FPDF_GRAYSCALE if grey else 0)
        bitmap = raw.FPDFBitmap_CreateEx(width, height, kind, None, 0)
        if not bitmap:
            raise InputRefused("page.too_large_to_render", name=self._name, page=0, dpi=0)
        try:
            raw.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, 0xFFFFFFFF)
            raw.FPDF_RenderPageBitmap(bitmap, page, *frame, 0, flags)
            if draw_forms and self._forms:
                raw.FPDF_FFLDraw(self._forms, bitmap, page, *frame, 0, flags)
            stride = int(raw.FPDFBitmap_GetStride(bitmap))
            return stride, ctypes.string_at(raw.FPDFBitmap_GetBuffer(bitmap), stride * height)
        finally:
            raw.FPDFBitmap_Destroy(bitmap)


def _common_part(whole: RectMm, area: RectMm) -> RectMm:
    from kyso.geometry import RectMm

    left, top = max(whole.left, area.left), max(whole.top, area.top)
    right, bottom = min(whole.right, area.right), min(whole.bottom, area.bottom)
    return RectMm(left, top, max(0.0, right - left), max(0.0, bottom - top))


@contextlib.contextmanager
def opened(
    source: Source | RandomAccess, *, name: str, password: Secret | None = None, forms: bool = False
) -> Iterator[PdfiumDocument]:
    """Open a document with pdfium and hold pdfium's lock until the block ends.

    :param name: the letter's name, for errors.
    :param forms: prepare the form environment, without which form fields without an appearance are not drawn.
    :raises InputRefused: pdfium cannot open it (``page.unreadable``).
    """
    with _lock, _document(source, name, password, forms=forms) as document:
        yield document


@contextlib.contextmanager
def _document(
    source: Source | RandomAccess, name: str, password: Secret | None, *, forms: bool
) -> Iterator[PdfiumDocument]:
    """Open a document; the caller holds the lock, when it ends too."""
    raw = library()
    secret = None if password is None else password.reveal().encode() + b"\0"
    handle, kept = _loaded(raw, source, secret)
    if not handle or raw.FPDF_GetPageCount(handle) < 1:
        if handle:
            raw.FPDF_CloseDocument(handle)
        raise InputRefused("page.document_unreadable", name=name)
    environment, settings = None, None
    try:
        if forms and raw.FPDF_GetFormType(handle) != raw.FORMTYPE_NONE:
            settings = raw.FPDF_FORMFILLINFO(version=2)
            environment = raw.FPDFDOC_InitFormFillEnvironment(handle, settings)
        yield PdfiumDocument(raw, handle, name, environment)
    finally:
        if environment:
            raw.FPDFDOC_ExitFormFillEnvironment(environment)
        raw.FPDF_CloseDocument(handle)
        # pdfium reads through these until the document is closed.
        del kept, settings


class SharedDocument:
    """A letter's document: opened when it is first wanted, kept until the letter is closed, used under the lock.

    Reading a page of a letter is quicker than opening it, so a letter of some pages is opened once for all of them.
    """

    __slots__ = ("_document", "_looks", "_name", "_open", "_pages", "_password", "_source")

    def __init__(self, source: Source, name: str, password: Secret | None) -> None:
        self._source = source
        self._name = name
        self._password = password
        self._open = contextlib.ExitStack()
        self._document: PdfiumDocument | None = None
        self._looks: set[int] = set()
        self._pages: dict[int, Raster] = {}

    @contextlib.contextmanager
    def used(self) -> Iterator[PdfiumDocument]:
        """Hold pdfium's lock and give the document.

        :raises InputRefused: pdfium cannot open it (``page.document_unreadable``).
        """
        with _lock:
            if self._document is None:
                opening = _document(self._source, self._name, self._password, forms=True)
                self._document = self._open.enter_context(opening)
            yield self._document

    def grey_part(self, geometry: PageGeometry, dpi: float, area: RectMm) -> Raster:
        """Return a part of a page as it looks, in grey; who looks a second time has the page painted once for all.

        :raises InputRefused: as :meth:`PdfiumDocument.render`.
        """
        whole = self._pages.get(geometry.number)
        if whole is None or whole.mm_per_px != MM_PER_INCH / dpi:
            size_px = geometry.width_mm * geometry.height_mm * (dpi / MM_PER_INCH) ** 2
            first = geometry.number not in self._looks
            self._looks.add(geometry.number)
            with self.used() as document:
                if first or size_px > MAX_KEPT_PIXELS:
                    return document.render(geometry, dpi=dpi, area=area, grey=True)
                whole = self._pages[geometry.number] = document.render(geometry, dpi=dpi, grey=True)
        return _cut(whole, _common_part(geometry.rect_mm, area))

    def close(self) -> None:
        """Close the document; closing twice is harmless."""
        with _lock:
            self._document = None
            self._pages.clear()
            self._open.close()


def of_letter(letter: RenderableLetter) -> contextlib.AbstractContextManager[PdfiumDocument]:
    """Return the document of a letter for a ``with`` block: its shared one, or one that is opened for the block."""
    shared = getattr(letter, "shared_document", None)
    if isinstance(shared, SharedDocument):
        return shared.used()
    return opened(letter.source, name=letter.name, password=letter.password, forms=True)


def _cut(whole: Raster, part: RectMm) -> Raster:
    """Return the pixels of `whole` that :meth:`PdfiumDocument.render` would paint for `part`."""
    step = whole.mm_per_px
    left, top = math.floor(part.left / step + 1e-6), math.floor(part.top / step + 1e-6)
    width = max(1, min(math.ceil(part.right / step - 1e-6), whole.width_px) - left)
    height = max(1, min(math.ceil(part.bottom / step - 1e-6), whole.height_px) - top)
    rows = [whole.row(y)[left : left + width] for y in range(top, top + height)]
    return Raster(width, height, width, b"".join(rows), True, left * step, top * step, step)


def _loaded(raw: Any, source: Source | RandomAccess, secret: bytes | None) -> tuple[Any, object]:
    if isinstance(source, Path):
        return raw.FPDF_LoadDocument(os.fsencode(source) + b"\0", secret), source
    if isinstance(source, bytes):
        return raw.FPDF_LoadMemDocument64(source, len(source), secret), source
    callback = raw.FPDF_FILEACCESS._fields_[1][1](_block_reader(source))
    access = raw.FPDF_FILEACCESS(m_FileLen=source.size, m_GetBlock=callback)
    return raw.FPDF_LoadCustomDocument(access, secret), (access, callback, source)


def _block_reader(source: RandomAccess) -> Any:
    def read(_param: object, position: int, buffer: Any, length: int) -> int:
        try:
            block = source.read_at(position, length)
        except OSError:
            # An exception cannot cross C code; pdfium reports the document as unreadable.
            return 0
        if len(block) != length:
            return 0
        ctypes.memmove(buffer, block, length)
        return 1

    return read


def render_page(
    letter: RenderableLetter, number: int, *, dpi: float, area: RectMm | None = None, draw_forms: bool = True
) -> Image.Image:
    """Render a page of an opened letter as the reader sees it.

    :param number: page from 1, or from the end with negative numbers.
    :param dpi: pixels per inch of display space.
    :param area: only this part, in display space.
    :raises InputRefused: no such page, not readable, or larger than :data:`MAX_PIXELS`.
    """
    geometry = letter.page(number)
    with opened(letter.source, name=letter.name, password=letter.password, forms=draw_forms) as document:
        return document.render(geometry, dpi=dpi, area=area, draw_forms=draw_forms).image()


def fitting_dpi(geometry: PageGeometry, dpi: float) -> float:
    """Return `dpi`, or the greatest resolution at which the whole page stays within :data:`MAX_PIXELS`."""
    area_in2 = geometry.width_mm * geometry.height_mm / MM_PER_INCH**2
    # One row and column may be added by rounding up.
    return min(dpi, math.sqrt(MAX_PIXELS * 0.98 / max(area_in2, 1e-6)))
