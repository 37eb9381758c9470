"""Opening the revisions of a document one after the other and reviewing each step once."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from kyso.document.opening import PARSER_ERRORS
from kyso.verification.appended_bytes import examine, misread
from kyso.verification.changes import ChangeReviewer
from kyso.verification.report import Change
from kyso.verification.revisions import CannotJudge, Revision, as_revision, open_revision
from kyso.verification.source import header_offset

if TYPE_CHECKING:
    import pikepdf

    from kyso.secret import Secret
    from kyso.verification.source import ByteSource


def review_pairs(
    states: list[int], source: ByteSource, current: pikepdf.Pdf, password: Secret | None
) -> dict[int, tuple[Change, ...]]:
    """Return for each state but the last what changed from it to the next.

    :param states: ends of the revisions to compare, ascending.
    :param current: the whole document as already opened.
    """
    found: dict[int, tuple[Change, ...]] = {}
    old: Revision | None = None
    reviewer: ChangeReviewer | None = None
    base = header_offset(source)
    for start, end in pairwise(states):
        try:
            if old is None:
                old = open_revision(source, start, password)
                reviewer = ChangeReviewer(old)
            new = as_revision(current, end) if end == source.size else open_revision(source, end, password)
        except CannotJudge as reason:
            found[start] = (Change(reason.code, "forbidden"),)
            old = reviewer = None
            continue
        except PARSER_ERRORS:
            found[start] = (Change("change.cannot_be_judged", "forbidden"),)
            old = reviewer = None
            continue
        assert reviewer is not None
        try:
            odd = examine(source, start, base, old, new)
        except CannotJudge as reason:
            odd = (Change(reason.code, "forbidden"),)
        changes = reviewer.review(old, new)
        # By now every object of the update was read, and the parser has said what it had to forgive.
        found[start] = (*odd, *misread(start - base, new), *changes)
        old = new
    return found
