"""The sheet the demo's papers are set on: A4 with the margins of Decree 30/2020, annex I, part I."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kyso.demo.typeface import Faces

MM = 72 / 25.4
PAGE_WIDTH, PAGE_HEIGHT = 210 * MM, 297 * MM
LEFT, RIGHT, TOP, BOTTOM = 30 * MM, 20 * MM, 20 * MM, 20 * MM
TEXT_WIDTH = PAGE_WIDTH - LEFT - RIGHT

# The head's two columns share their axes with the signature block below: recipients left, signer right.
LEFT_AXIS = LEFT + 0.21 * TEXT_WIDTH
RIGHT_AXIS = LEFT + 0.705 * TEXT_WIDTH

SAMPLE_NOTICE = "VĂN BẢN MẪU: tên cơ quan, họ tên và số liệu đều là giả định, không có giá trị pháp lý"

OnPage = Callable[[Any, Any], None]


def build(
    story: list[Any],
    faces: Faces,
    *,
    title: str,
    author: str,
    first_head: float = 0.0,
    first_page: OnPage | None = None,
    sample: bool = True,
) -> bytes:
    """Set `story` on as many sheets as it takes and return the PDF.

    :param sample: say on every page that it is a sample.
    :param first_head: height in points kept free at the top of the first page for `first_page` to draw in.
    """
    from reportlab import rl_config
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

    def on_first(canvas: Any, document: Any) -> None:
        canvas.saveState()
        if first_page is not None:
            first_page(canvas, document)
        if sample:
            _sample_mark(canvas, faces)
        canvas.restoreState()

    def on_later(canvas: Any, _document: Any) -> None:
        canvas.saveState()
        canvas.setFont(faces.regular, 13)
        canvas.drawCentredString(PAGE_WIDTH / 2, PAGE_HEIGHT - TOP / 2 - 5, str(canvas.getPageNumber()))
        if sample:
            _sample_mark(canvas, faces)
        canvas.restoreState()

    output = io.BytesIO()
    document = BaseDocTemplate(
        output,
        pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
        title=title,
        author=author,
        subject=SAMPLE_NOTICE if sample else title,
        creator="kyso demo" if sample else "kyso",
        lang="vi-VN",
        # Without it every file names Helvetica, which nothing uses and nobody embeds.
        initialFontName=faces.regular,
    )
    no_padding = {"leftPadding": 0, "rightPadding": 0, "topPadding": 0, "bottomPadding": 0}
    text_height = PAGE_HEIGHT - TOP - BOTTOM
    first = Frame(LEFT, BOTTOM, TEXT_WIDTH, text_height - first_head, **no_padding)
    later = Frame(LEFT, BOTTOM, TEXT_WIDTH, text_height, **no_padding)
    document.addPageTemplates(
        [
            PageTemplate("first", [first], onPage=on_first, autoNextPageTemplate="later"),
            PageTemplate("later", [later], onPage=on_later),
        ]
    )
    # reportlab wraps every stream in base 85 unless told otherwise: a quarter more bytes for nothing.
    wrapped, rl_config.useA85 = rl_config.useA85, 0
    try:
        document.build(story)
    finally:
        rl_config.useA85 = wrapped
    return output.getvalue()


def _sample_mark(canvas: Any, faces: Faces) -> None:
    """Say in the lower margin that the page is a sample, away from all that Decree 30 places."""
    canvas.setFont(faces.italic, 8)
    canvas.setFillGray(0.45)
    canvas.drawCentredString(PAGE_WIDTH / 2, BOTTOM / 2 - 3, SAMPLE_NOTICE)
    canvas.setFillGray(0)


def tight(faces: Faces) -> list[Any]:
    """Return the commands of a table that only places things."""
    return [
        ("FONTNAME", (0, 0), (-1, -1), faces.regular),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        *[(f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")],
    ]


def style(faces: Faces, size_pt: float, **properties: Any) -> Any:
    """Return a paragraph style in the regular face, with line spacing of a quarter over the size."""
    from reportlab.lib.styles import ParagraphStyle

    given = {"fontName": faces.regular, "fontSize": size_pt, "leading": size_pt * 1.25, **properties}
    return ParagraphStyle("kyso", **given)
