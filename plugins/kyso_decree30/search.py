"""Chooses the signature block of a letter, or says why none can be chosen. Never a silent guess.

The block stands near the end; attachments in the same file may follow it. The last page is read first, then the first
ones and the ones before the last; more only when nothing was found that recipients stand beside, the mark of a letter's
own block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kyso.placement.candidates import MAX_DRAWN, Candidate
from kyso.plugin import Notice, SigningRefused, WrongUse
from kyso.text import Phrase, Text
from kyso_decree30.block import CLEAR_LEAD, Block, PageText, find_blocks
from kyso_decree30.wording import folded_name, name_kind, title_kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kyso.plugin import FieldInfo, Letter

_LAST_PAGES = 3
_FIRST_PAGES = 2
MAX_PAGES = 400
"""No more pages than this are read in search of a block."""

_SHOWN_CANDIDATES = 6
_PAGE_EDGE = 0.14


@dataclass(frozen=True, slots=True)
class Choice:
    """The block that was chosen and what to say about it."""

    block: Block
    notices: tuple[Notice, ...]


def read_page(letter: Letter, number: int) -> PageText:
    """Read what is needed of one page."""
    geometry = letter.page(number)
    return PageText(geometry.number, letter.text_lines(geometry.number), geometry.rect_mm)


def choose_block(letter: Letter, signer: str, page: int | None = None, candidate: float | None = None) -> Choice:
    """Return the letter's signature block.

    :param signer: the name in the signer's certificate; decides between several signers of one letter.
    :param page: look on this page only.
    :param candidate: the number, from 1, that a person chose from the ranked list of an earlier refusal.
    :raises WrongUse: ``decree30.candidate_unknown``: the list has no such number.
    :raises SigningRefused: ``decree30.block_ambiguous``, ``block_signed``, ``block_split``, ``no_text`` or
        ``block_not_found``, each naming what was seen.
    """
    found: list[Block] = []
    read: list[PageText] = []
    # The last page's own number, not /Count, which a careless producer gets wrong.
    count = letter.page(-1).number
    for batch in _batches(count, None if page is None else letter.page(page).number):
        for number in batch:
            text = read_page(letter, number)
            read.append(text)
            found.extend(find_blocks(text, signer))
        if any("recipients_beside" in block.reasons or "name_is_signer" in block.reasons for block in found):
            break
    free = [block for block in found if not _signed_in(letter.signature_fields, block)]
    if not free:
        raise _nothing(found, read)
    free.sort(key=lambda block: -block.score)
    if candidate is not None:
        if candidate not in range(1, len(free) + 1):
            raise WrongUse("decree30.candidate_unknown", number=f"{candidate:g}", candidates=_candidates(free))
        best = free.pop(int(candidate) - 1)
        free.insert(0, best)
    elif len(free) > 1 and not _leads(free):
        raise SigningRefused("decree30.block_ambiguous", candidates=_candidates(free), count=len(free))
    best = free[0]
    return Choice(best, _notices(best, free, signer, letter.signature_fields))


def _candidates(blocks: Sequence[Block]) -> list[Candidate]:
    """Return the blocks as a numbered list, the best first, each with what spoke for it."""
    return [
        Candidate(
            "decree30.candidate",
            {
                "number": number,
                "page": block.page,
                "left": f"{block.title_rect.left:.0f}",
                "top": f"{block.space.top:.0f}",
                "shown": block.shown,
                "reasons": _in_one_line([Phrase(f"decree30.reason.{reason}") for reason in block.reasons]),
            },
            block.page,
            block.title_rect.united(block.name_rect).grown(1.5),
        )
        for number, block in enumerate(blocks[:MAX_DRAWN], 1)
    ]


def _in_one_line(phrases: Sequence[Phrase]) -> Text:
    return Text("; ".join(phrase.of("vi") for phrase in phrases), "; ".join(phrase.of("en") for phrase in phrases))


def described(blocks: Sequence[Block]) -> list[str]:
    """Return the blocks as people can tell them apart: [page] (left; top of the space, in mm) text."""
    return [
        f"[{block.page}] ({block.title_rect.left:.0f}; {block.space.top:.0f}) {block.shown}"
        for block in blocks[:_SHOWN_CANDIDATES]
    ]


def _batches(count: int, page: int | None) -> Iterator[list[int]]:
    if page is not None:
        yield [page]
        return
    last = list(range(count, max(0, count - _LAST_PAGES), -1))
    first = [number for number in range(1, min(count, _FIRST_PAGES) + 1) if number not in last]
    yield last[:1]
    if count <= _LAST_PAGES + _FIRST_PAGES:
        # A letter of a few pages is read whole: its attachments may carry blocks of their own.
        yield last[1:] + first
    else:
        # Reading a page of a long file is what costs. A long file is a short letter before its attachments, or one
        # that ends on its last pages.
        yield from ([number] for number in (*first, *last[1:]))
    seen = {*last, *first}
    rest = [number for number in range(count, 0, -1) if number not in seen]
    yield rest[: MAX_PAGES - len(seen)]


def _leads(ranked: Sequence[Block]) -> bool:
    best, second = ranked[0], ranked[1]
    if "name_is_signer" in best.reasons:
        return "name_is_signer" not in second.reasons
    return best.score - second.score >= CLEAR_LEAD


def _signed_in(fields: Sequence[FieldInfo], block: Block) -> bool:
    """Tell whether a signature stands in the block's space already."""
    return any(field.signed and _stands_in(field, block) for field in fields)


def _stands_in(field: FieldInfo, block: Block) -> bool:
    if field.page != block.page or field.rect_mm is None:
        return False
    rect, space = field.rect_mm, block.space
    return space.left <= rect.centre_x <= space.right and space.top <= rect.centre_y <= space.bottom


def block_around(blocks: Sequence[Block], field: FieldInfo) -> Block | None:
    """Return the block in whose space the field stands."""
    return next((block for block in blocks if _stands_in(field, block)), None)


def _notices(best: Block, ranked: Sequence[Block], signer: str, fields: Sequence[FieldInfo]) -> tuple[Notice, ...]:
    notices = []
    if len(ranked) > 1:
        notices.append(Notice("decree30.other_blocks", {"chosen": best.shown, "others": described(ranked[1:])}))
    # A preview without the key may know no name, only a placeholder in brackets.
    if folded_name(signer) and "name_is_signer" not in best.reasons:
        notices.append(Notice("decree30.name_differs", {"name": best.name, "signer": signer}))
    for field in fields:
        if not field.signed and _stands_in(field, best):
            notices.append(Notice("decree30.empty_field_here", {"field": field.name}))
    return tuple(notices)


def _nothing(found: Sequence[Block], read: Sequence[PageText]) -> SigningRefused:
    """Return the refusal that fits what was seen."""
    pages = sorted(page.number for page in read)
    if found:
        return SigningRefused("decree30.block_signed", candidates=_candidates(found))
    if not any(page.lines for page in read):
        return SigningRefused("decree30.no_text", pages=_ranges(pages))
    split = _split_over_pages({page.number: page for page in read})
    if split is not None:
        page, title, name = split
        return SigningRefused("decree30.block_split", page=page, next_page=page + 1, title=title, name=name)
    titles = [
        f"[{page.number}] {line.text}"
        for page in read
        for line in page.lines
        if title_kind(line.text) in ("prefixed", "known")
    ]
    return SigningRefused("decree30.block_not_found", pages=_ranges(pages), titles=titles[:_SHOWN_CANDIDATES] or "-")


def _ranges(numbers: Sequence[int]) -> str:
    """Return ascending page numbers as people write them: ``1-2, 7``."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def _split_over_pages(pages: dict[int, PageText]) -> tuple[int, str, str] | None:
    """Return (page, title, name) of a block whose title ends one page and whose name begins the next."""
    for number, page in sorted(pages.items()):
        following = pages.get(number + 1)
        if following is None or not page.lines or not following.lines:
            continue
        title = max(page.lines, key=lambda line: line.rect_mm.bottom)
        head = [line for line in following.lines if not line.text.isdigit()]
        if not head:
            continue
        name = min(head, key=lambda line: line.rect_mm.top)
        near_edge = name.rect_mm.top < following.rect.height * (_PAGE_EDGE + 0.2)
        if title_kind(title.text) in ("prefixed", "known") and name_kind(name.text) and near_edge:
            return number, title.text, name.text
    return None
