"""Finds signature blocks on a page: title lines, the space below them, and the full name (annex I, boxes 7a to 7c).

A block is recognised by its shape, from the name upwards: a name; above it perhaps a rank or a further title; an empty
space; one or more title lines. All of them are centred on one axis. Each block carries a score and the reasons for it,
so that a person can be told why one was taken, or why none was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kyso.plugin import RectMm
from kyso_decree30.wording import RANK_LINE, is_hint, name_kind, same_name, title_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kyso.plugin import TextLine

Reason = Literal[
    "title_prefixed",
    "title_known",
    "title_capitals",
    "title_ordinary",
    "name_known_surname",
    "name_ordinary",
    "name_capitals",
    "name_is_signer",
    "one_axis",
    "room_to_sign",
    "right_half",
    "recipients_beside",
]

_WEIGHTS: dict[Reason, float] = {
    "title_prefixed": 3.0,
    "title_known": 3.0,
    "title_capitals": 1.0,
    "title_ordinary": 1.5,
    "name_known_surname": 2.5,
    "name_ordinary": 1.5,
    "name_capitals": 1.5,
    "name_is_signer": 4.0,
    "one_axis": 1.0,
    "room_to_sign": 1.0,
    "right_half": 0.5,
    "recipients_beside": 2.5,
}

ENOUGH = 5.0
"""Blocks that score less are no candidates: a heading over a list of names, a table's head."""

CLEAR_LEAD = 2.0
"""The best block wins by itself only when it leads by this much."""

MIN_SPACE_MM = 4.0
"""Less than this between title and name is ordinary line spacing, no room for a signature."""

MAX_SPACE_MM = 90.0
_USUAL_SPACE_MM = (9.0, 60.0)
_MAX_TITLE_LINES = 6
_MAX_LINES_WITH_NAME = 4
# Title lines are set tight; a paragraph's distance is no longer the same group.
_SAME_GROUP_GAP = 1.1
_AXIS_TOLERANCE_MM = 7.0
_GOOD_AXIS_MM = 2.5
# "Nơi nhận:" stands level with the first title line (box 9b beside box 7a).
_RECIPIENTS_LEVEL_MM = 18.0
_RECIPIENTS = "nơi nhận"


@dataclass(frozen=True, slots=True)
class Block:
    """A signature block.

    :param title: the title lines from top to bottom, without hints such as ``(Ký tên)``.
    :param name: the line of the full name.
    :param title_rect: all lines above the space.
    :param name_rect: the name and whatever stands with it below the space.
    :param space: the empty room between them, as wide as nothing else stands in it, centred on the block's axis.
    :param reasons: what spoke for it.
    """

    page: int
    title: tuple[str, ...]
    name: str
    title_rect: RectMm
    name_rect: RectMm
    space: RectMm
    score: float
    reasons: tuple[Reason, ...]

    @property
    def axis_mm(self) -> float:
        """The vertical axis on which title and name are centred."""
        return self.space.centre_x

    @property
    def shown(self) -> str:
        """The block in one line, for people."""
        return f"{' / '.join(self.title)} … {self.name}"


@dataclass(frozen=True, slots=True)
class PageText:
    """What is known of a page when blocks are looked for.

    :param lines: the page's text lines.
    :param rect: the visible page.
    """

    number: int
    lines: Sequence[TextLine]
    rect: RectMm


def find_blocks(page: PageText, signer: str = "") -> list[Block]:
    """Return every block of the page that scores enough, the best first.

    :param signer: name of who is about to sign; a block with that name is preferred.
    """
    found = [block for line in page.lines if (block := _block_above(page, line, signer)) is not None]
    return sorted(found, key=lambda block: -block.score)


def _block_above(page: PageText, name: TextLine, signer: str) -> Block | None:
    """Return the block whose full name is `name`."""
    kind = name_kind(name.text)
    if kind is None:
        return None
    column = _column(page.lines, name)
    with_name, above = _split_at_space(column, name)
    if not above:
        return None
    title, title_rect = _title_group(above)
    if not title:
        return None
    name_rect = _united([line.rect_mm for line in with_name])
    top, bottom = title_rect.bottom, name_rect.top
    axis_off = abs(title_rect.centre_x - name_rect.centre_x)
    if not MIN_SPACE_MM <= bottom - top <= MAX_SPACE_MM or axis_off > _axis_tolerance(title_rect, name_rect):
        return None
    axis = (title_rect.centre_x + name_rect.centre_x) / 2
    space = _free_space(page, axis, top, bottom)
    if space is None:
        return None
    kinds = [title_kind(line.text) for line in title]
    best = next((kind for kind in ("prefixed", "known", "ordinary", "capitals") if kind in kinds), None)
    if best is None:
        return None
    reasons: list[Reason] = [f"title_{best}", f"name_{kind}"]  # type: ignore[list-item]  # one literal for each kind
    if axis_off <= _GOOD_AXIS_MM:
        reasons.append("one_axis")
    if _USUAL_SPACE_MM[0] <= bottom - top <= _USUAL_SPACE_MM[1]:
        reasons.append("room_to_sign")
    if axis > page.rect.centre_x:
        reasons.append("right_half")
    if _recipients_beside(page.lines, title_rect):
        reasons.append("recipients_beside")
    if signer and same_name(name.text, signer):
        reasons.append("name_is_signer")
    score = sum(_WEIGHTS[reason] for reason in reasons)
    if score < ENOUGH:
        return None
    return Block(
        page.number,
        tuple(line.text for line in title),
        name.text,
        title_rect,
        name_rect,
        space,
        score,
        tuple(reasons),
    )


def _column(lines: Sequence[TextLine], name: TextLine) -> list[TextLine]:
    """Return the lines above `name` that share its column, the nearest first."""
    axis = name.rect_mm.centre_x
    above = [
        line
        for line in lines
        if line.rect_mm.centre_y < name.rect_mm.top and line.rect_mm.left <= axis <= line.rect_mm.right
    ]
    return sorted(above, key=lambda line: -line.rect_mm.bottom)


def _split_at_space(column: list[TextLine], name: TextLine) -> tuple[list[TextLine], list[TextLine]]:
    """Return (the name with what stands directly over it, the lines above the space)."""
    group = [name]
    for index, line in enumerate(column):
        lowest = group[-1].rect_mm
        gap = lowest.top - line.rect_mm.bottom
        if gap >= MIN_SPACE_MM:
            return group, column[index:]
        if len(group) == _MAX_LINES_WITH_NAME or not _belongs_to_name(line, group[-1]):
            return group, []
        group.append(line)
    return group, []


def _belongs_to_name(line: TextLine, below: TextLine) -> bool:
    """Tell whether a line directly over the name is a rank, a degree or a further title."""
    aligned = abs(line.rect_mm.centre_x - below.rect_mm.centre_x) <= _AXIS_TOLERANCE_MM
    return aligned and (title_kind(line.text) is not None or RANK_LINE.fullmatch(line.text) is not None)


def _title_group(above: list[TextLine]) -> tuple[list[TextLine], RectMm]:
    """Return the title lines at the head of `above` from top to bottom, and the box of the group with its hints."""
    title: list[TextLine] = []
    rect = above[0].rect_mm
    previous: TextLine | None = None
    for line in above[:_MAX_TITLE_LINES]:
        if previous is not None:
            gap = previous.rect_mm.top - line.rect_mm.bottom
            height = max(line.rect_mm.height, previous.rect_mm.height)
            tolerance = _axis_tolerance(line.rect_mm, previous.rect_mm)
            if gap > _SAME_GROUP_GAP * height or abs(line.rect_mm.centre_x - rect.centre_x) > tolerance:
                break
        if title_kind(line.text) is not None:
            title.append(line)
        elif not (is_hint(line.text) and not title):
            break
        rect = rect.united(line.rect_mm)
        previous = line
    return title[::-1], rect


def _axis_tolerance(one: RectMm, other: RectMm) -> float:
    # Blocks that were centred by hand with spaces and tabs are off by some characters.
    return max(_AXIS_TOLERANCE_MM, 0.12 * max(one.width, other.width))


def _free_space(page: PageText, axis: float, top: float, bottom: float) -> RectMm | None:
    """Return the band from `top` to `bottom` around `axis`, as wide as no text stands in it; ``None`` when taken."""
    half = min(axis - page.rect.left, page.rect.right - axis)
    for line in page.lines:
        rect = line.rect_mm
        if rect.bottom <= top + 0.01 or rect.top >= bottom - 0.01:
            continue
        if rect.left <= axis <= rect.right:
            return None
        half = min(half, rect.left - axis if rect.left > axis else axis - rect.right)
    return RectMm(axis - half, top, 2 * half, bottom - top) if half > 1.0 else None


def _recipients_beside(lines: Sequence[TextLine], title: RectMm) -> bool:
    return any(
        line.text.casefold().startswith(_RECIPIENTS)
        and line.rect_mm.right < title.centre_x
        and abs(line.rect_mm.top - title.top) <= _RECIPIENTS_LEVEL_MM
        for line in lines
    )


def _united(rects: Sequence[RectMm]) -> RectMm:
    whole = rects[0]
    for rect in rects[1:]:
        whole = whole.united(rect)
    return whole
