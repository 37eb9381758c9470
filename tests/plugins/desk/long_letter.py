"""A letter of many pages, each with text, drawn once per run."""

from __future__ import annotations

import io
from functools import cache

import pikepdf

from kyso.demo.letter import draw_letter


@cache
def long_letter(pages: int) -> bytes:
    """Return the demo's letter with its first page repeated until there are `pages` pages."""
    from datetime import date

    with pikepdf.open(io.BytesIO(draw_letter(date(2026, 11, 20)))) as pdf:
        last = pdf.pages[-1]
        for _ in range(pages - len(pdf.pages)):
            pdf.pages.insert(len(pdf.pages) - 1, pdf.pages[0])
        assert pdf.pages[-1].objgen == last.objgen
        written = io.BytesIO()
        pdf.save(written)
    return written.getvalue()
