"""Pages drawn in display space and then turned, cropped, shifted and scaled, so that the reader sees the same page.

A sheet is drawn upright with reportlab. :func:`variant` puts its content on a page with any /Rotate, /CropBox,
/MediaBox origin and /UserUnit through a matrix of its own, worked out here from three corners and checked by rendering,
not by asking kyso.
"""

from __future__ import annotations

import io
import unicodedata
from dataclasses import dataclass
from typing import Any

import pikepdf
from reportlab.pdfgen.canvas import Canvas

from kyso.demo.typeface import register_faces

PT = 72 / 25.4
A4 = (210.0, 297.0)


@dataclass(frozen=True)
class Setup:
    """How a page is set up in its file; what the reader sees does not depend on it."""

    rotate: int = 0
    origin: tuple[float, float] = (0.0, 0.0)
    margin: float = 0.0
    user_unit: float = 1.0

    def __str__(self) -> str:
        x, y = self.origin
        return f"rotate{self.rotate}-origin{x:g},{y:g}-crop{self.margin:g}-unit{self.user_unit:g}"


SETUPS = [
    Setup(rotate, origin, margin, unit)
    for rotate in (0, 90, 180, 270)
    for origin, margin, unit in (((0.0, 0.0), 0.0, 1.0), ((-83.5, 120.25), 37.0, 1.0), ((40.0, -15.0), 20.0, 2.5))
]


class Sheet:
    """Draws pages in millimetres from the top left."""

    def __init__(self, size_mm: tuple[float, float] = A4) -> None:
        self.width_mm, self.height_mm = size_mm
        self._written = io.BytesIO()
        self.faces = register_faces()
        self.canvas: Any = Canvas(self._written, pagesize=(size_mm[0] * PT, size_mm[1] * PT), pageCompression=0)

    def text(
        self,
        x_mm: float,
        baseline_mm: float,
        text: str,
        size_pt: float = 13,
        *,
        bold: bool = False,
        align: str = "left",
        spelled: bool = False,
        decomposed: bool = False,
        invisible: bool = False,
    ) -> float:
        """Draw a line and return its width in mm.

        :param spelled: every letter is a text object of its own.
        :param decomposed: letters and their marks are separate characters.
        """
        face = self.faces.bold if bold else self.faces.regular
        width = self.canvas.stringWidth(text, face, size_pt)
        x = x_mm * PT - {"left": 0.0, "centre": width / 2, "right": width}[align]
        y = (self.height_mm - baseline_mm) * PT
        mode = 3 if invisible else 0
        if spelled:
            for letter in text:
                if letter != " ":
                    drawn = unicodedata.normalize("NFD", letter) if decomposed else letter
                    self._string(x, y, drawn, face, size_pt, mode)
                x += self.canvas.stringWidth(letter, face, size_pt)
        else:
            self._string(x, y, unicodedata.normalize("NFD", text) if decomposed else text, face, size_pt, mode)
        return width / PT

    def _string(self, x: float, y: float, text: str, face: str, size_pt: float, mode: int) -> None:
        drawing = self.canvas.beginText(x, y)
        drawing.setFont(face, size_pt)
        drawing.setTextRenderMode(mode)
        drawing.textOut(text)
        self.canvas.drawText(drawing)

    def box(self, left: float, top: float, width: float, height: float, colour: tuple[float, float, float]) -> None:
        """Fill a rectangle."""
        self.canvas.setFillColorRGB(*colour)
        self.canvas.rect(left * PT, (self.height_mm - top - height) * PT, width * PT, height * PT, stroke=0, fill=1)
        self.canvas.setFillColorRGB(0, 0, 0)

    def next_page(self) -> None:
        """Start another page."""
        self.canvas.showPage()

    def pdf(self) -> bytes:
        """Return the finished file."""
        self.canvas.showPage()
        self.canvas.save()
        return self._written.getvalue()


def variant(data: bytes, setup: Setup) -> bytes:
    """Return the same pages, for the reader, set up differently in the file."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        for page in pdf.pages:
            _set_up(pdf, page, setup)
        written = io.BytesIO()
        pdf.save(written)
        return written.getvalue()


def _set_up(pdf: pikepdf.Pdf, page: pikepdf.Page, setup: Setup) -> None:
    width, height = float(page.mediabox[2]), float(page.mediabox[3])
    form = pdf.make_stream(
        page.obj.Contents.read_bytes(),
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Form,
        BBox=[0, 0, width, height],
        Resources=page.obj.Resources,
    )
    unit = setup.user_unit
    seen_width, seen_height = width / unit, height / unit
    across, up = (seen_width, seen_height) if setup.rotate in (0, 180) else (seen_height, seen_width)
    x0, y0 = setup.origin
    # Where the upright page's bottom left corner, x axis and y axis go in a user space that is shown turned clockwise.
    corner, x_axis, y_axis = {
        0: ((x0, y0), (1, 0), (0, 1)),
        90: ((x0 + across, y0), (0, 1), (-1, 0)),
        180: ((x0 + across, y0 + up), (-1, 0), (0, -1)),
        270: ((x0, y0 + up), (0, -1), (1, 0)),
    }[setup.rotate]
    matrix = [x_axis[0] / unit, x_axis[1] / unit, y_axis[0] / unit, y_axis[1] / unit, *corner]
    outside = b"q 0.2 0.6 0.2 rg %f %f %f %f re f 1 g %f %f %f %f re f Q\n" % (
        *(x0 - setup.margin, y0 - setup.margin, across + 2 * setup.margin, up + 2 * setup.margin),
        *(x0, y0, across, up),
    )
    content = outside + b"q %f %f %f %f %f %f cm /Sheet Do Q" % tuple(matrix)
    page.obj.Contents = pdf.make_stream(content)
    page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Sheet=form))
    crop = [x0, y0, x0 + across, y0 + up]
    margin = setup.margin
    page.obj.MediaBox = pikepdf.Array([crop[0] - margin, crop[1] - margin, crop[2] + margin, crop[3] + margin])
    page.obj.CropBox = pikepdf.Array(crop)
    page.obj.Rotate = setup.rotate
    if unit != 1.0:
        page.obj.UserUnit = unit
