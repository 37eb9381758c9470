"""Text for stamps, measured exactly as the stamp engine will set it.

A policy that places text by its edges needs the size of the set text before it can say where the stamp goes. Lines are
broken greedily, therefore a box as wide as the widest broken line breaks them at the same spaces again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.errors import SigningRefused, WrongUse
from kyso.frozen import dataclass
from kyso.geometry import mm_to_pt, pt_to_mm

if TYPE_CHECKING:
    from typing import Literal

    from kyso.contracts import PlacementIntent
    from kyso_stamps import Colour, TextItem
    from kyso_stamps.fonts import FontChoice

LEADING = 1.2
# Keeps a line that fits exactly from being broken again by a rounding error.
_SLACK_MM = 0.01
_ANY_HEIGHT_PT = 1e6


@dataclass(frozen=True, slots=True)
class Lettering:
    """Set lines of one size.

    :param lines: logical lines, not yet broken.
    :param width_mm: width of the widest line as broken.
    :param height_mm: from the line top of the first line to the bottom of the last one.
    :param ink_top_mm: from the line top down to the highest ink of the first line.
    """

    lines: tuple[str, ...]
    size_pt: float
    width_mm: float
    height_mm: float
    ink_top_mm: float
    bold: bool = False
    italic: bool = False

    def item(
        self,
        align: Literal["left", "centre", "right"],
        *,
        width_mm: float,
        left_mm: float = 0.0,
        top_mm: float = 0.0,
        colour: Colour | None = None,
    ) -> TextItem:
        """Return the lines for a stamp: in a box `width_mm` wide and `height_mm` high from `left_mm` and `top_mm`."""
        from kyso_stamps import BLACK, TextItem

        return TextItem(
            self.lines,
            (left_mm, top_mm, width_mm, self.height_mm),
            size_pt=self.size_pt,
            min_size_pt=self.size_pt,
            align=align,
            bold=self.bold,
            italic=self.italic,
            colour=BLACK if colour is None else colour,
            leading=LEADING,
        )


def set_lines(
    lines: tuple[str, ...],
    *,
    size_pt: float,
    max_width_mm: float,
    fonts: FontChoice,
    min_size_pt: float | None = None,
    bold: bool = False,
    italic: bool = False,
) -> Lettering:
    """Break `lines` at spaces where they are wider than `max_width_mm` and measure the result.

    :param min_size_pt: smallest size when a single word is too wide; ``None`` keeps `size_pt`.
    :raises SigningRefused: a character the font lacks, or a word wider than allowed.
    """
    from kyso_stamps import StampError
    from kyso_stamps.fonts import choose_face, embedded
    from kyso_stamps.text import check_face, clean_lines, fit

    try:
        face = choose_face(fonts, bold=bold, italic=italic)
        cleaned = clean_lines(lines)
        font = embedded(face, check_face(cleaned, face))
        smallest = size_pt if min_size_pt is None else min_size_pt
        fitted = fit(cleaned, font, mm_to_pt(max_width_mm), _ANY_HEIGHT_PT, size_pt, smallest, LEADING, True)
    except StampError as error:
        raise SigningRefused(error.code, **error.parameters) from error
    mm_per_unit = pt_to_mm(fitted.size_pt) / 1000
    by_code = {glyph.code: glyph for glyph in font.glyphs.values()}
    first = fitted.lines[0].code if fitted.lines else ""
    # A code is four hexadecimal digits of the two-byte font.
    highest = max((by_code[first[at : at + 4]].top for at in range(0, len(first), 4)), default=fitted.top)
    return Lettering(
        lines,
        fitted.size_pt,
        max((line.width for line in fitted.lines), default=0) * mm_per_unit + _SLACK_MM,
        pt_to_mm(fitted.height_pt(LEADING)) + _SLACK_MM,
        (fitted.top - highest) * mm_per_unit,
        bold,
        italic,
    )


def shown_time(intent: PlacementIntent, pattern: str) -> str:
    """Return the time of signing as `pattern` (strftime) writes it, in Vietnam's zone.

    :raises WrongUse: ``placement.time_pattern_wrong``: the pattern cannot be used or shows nothing.
    """
    try:
        shown = intent.signed_at.strftime(pattern)
    except ValueError as error:
        raise WrongUse("placement.time_pattern_wrong", pattern=pattern) from error
    if not shown.strip():
        raise WrongUse("placement.time_pattern_wrong", pattern=pattern)
    return shown
