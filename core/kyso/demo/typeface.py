"""The faces the demo's pages are set in: whatever the stamp engine would choose, made known to reportlab."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kyso_stamps.fonts import FontChoice

_SYSTEM = Path("/usr/share/fonts/truetype/liberation2")


@dataclass(frozen=True, slots=True)
class Faces:
    """Names of the registered faces, as reportlab wants them."""

    regular: str
    bold: str
    italic: str
    bold_italic: str


def register_faces(fonts: FontChoice | None = None) -> Faces:
    """Register a serif with all Vietnamese letters in four faces and return their names."""
    from reportlab.lib.fonts import addMapping
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    faces = Faces("KysoSerif", "KysoSerif-Bold", "KysoSerif-Italic", "KysoSerif-BoldItalic")
    files = {
        faces.regular: "LiberationSerif-Regular.ttf",
        faces.bold: "LiberationSerif-Bold.ttf",
        faces.italic: "LiberationSerif-Italic.ttf",
        faces.bold_italic: "LiberationSerif-BoldItalic.ttf",
    }
    for name, file in files.items():
        pdfmetrics.registerFont(TTFont(name, io.BytesIO((_SYSTEM / file).read_bytes())))
    for bold, italic, name in (
        (0, 0, faces.regular),
        (1, 0, faces.bold),
        (0, 1, faces.italic),
        (1, 1, faces.bold_italic),
    ):
        addMapping(faces.regular, bold, italic, name)
    return faces


def face_file(fonts: FontChoice | None = None, *, bold: bool = False, italic: bool = False) -> bytes:
    """Return one face as a TrueType file."""
    style = ("Bold" if bold else "") + ("Italic" if italic else "") or "Regular"
    return (_SYSTEM / f"LiberationSerif-{style}.ttf").read_bytes()
