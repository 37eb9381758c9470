"""Finds the line of text that marks a place (``--anchor``), whatever way its characters are composed."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from kyso.errors import SigningRefused, WrongUse
from kyso.frozen import dataclass
from kyso.placement.candidates import Candidate

if TYPE_CHECKING:
    from kyso.contracts import Letter, TextLine

MAX_PAGES = 400
"""No more pages than this are searched, from the end of the letter; name the page in longer ones."""

_SHOWN_PLACES = 8


@dataclass(frozen=True, slots=True)
class Anchor:
    """A line that holds the text looked for."""

    page: int
    line: TextLine


def find_anchor(letter: Letter, text: str, page: int | None = None) -> Anchor:
    """Return the only line that holds `text`; a line that is nothing but `text` goes before lines that contain it.

    Capitals count only when the text is ambiguous without them.

    :param page: look on this page only.
    :raises WrongUse: `text` is empty.
    :raises SigningRefused: ``placement.anchor_not_found`` or ``placement.anchor_ambiguous`` with the places.
    """
    wanted = _folded(text)
    if not wanted:
        raise WrongUse("placement.anchor_empty")
    if page is not None:
        numbers = [letter.page(page).number]
    else:
        last = letter.page(-1).number
        numbers = list(range(last, max(0, last - MAX_PAGES), -1))
    found = [
        Anchor(number, line) for number in numbers for line in letter.text_lines(number) if wanted in _folded(line.text)
    ]
    if not found:
        raise SigningRefused("placement.anchor_not_found", text=text, pages=f"{min(numbers)}-{max(numbers)}")
    whole = [anchor for anchor in found if _folded(anchor.line.text) == wanted]
    same_case = [anchor for anchor in whole or found if _spaced(text) in anchor.line.text]
    for choice in (found, whole, same_case):
        if len(choice) == 1:
            return choice[0]
    places = same_case or whole or found
    raise SigningRefused(
        "placement.anchor_ambiguous", text=text, count=len(places), candidates=_candidates(places[:_SHOWN_PLACES])
    )


def _candidates(places: list[Anchor]) -> list[Candidate]:
    in_order = sorted(places, key=lambda anchor: (anchor.page, anchor.line.rect_mm.top, anchor.line.rect_mm.left))
    return [
        Candidate(
            "placement.candidate_line",
            {
                "number": number,
                "page": anchor.page,
                "left": f"{anchor.line.rect_mm.left:.0f}",
                "top": f"{anchor.line.rect_mm.top:.0f}",
                "shown": anchor.line.text,
            },
            anchor.page,
            anchor.line.rect_mm.grown(1.0),
        )
        for number, anchor in enumerate(in_order, 1)
    ]


def _spaced(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _folded(text: str) -> str:
    return _spaced(text).casefold()
