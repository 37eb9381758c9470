"""Tells who signed what on an arriving letter: the authorised person, the organisation, or a mark on a copy.

kyso writes its policy into the signature. Of other programs' signatures the picture tells: red is a seal, a picture
between title and name is the authorised person's, the decree's words at the top are a mark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kyso_decree30.block import Block, find_blocks
from kyso_decree30.search import block_around, read_page
from kyso_decree30.shown import Shown, shown_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kyso.plugin import FieldInfo, Letter
    from kyso.verification.report import SignatureReport, VerificationReport

Role = Literal["leader", "seal", "attachment", "copy", "other"]

MAX_SIGNATURES = 24
"""Of a file with more signatures than this the first ones are judged."""

_ROLES: Mapping[str, Role] = {
    "decree30.leader": "leader",
    "decree30.seal": "seal",
    "decree30.attachment": "attachment",
    "decree30.copy": "copy",
}
# Placed by hand or by another program: what it is for shows in its picture alone.
_TOLD_BY_LOOK = (None, "fixed")
_SEAL_SIDE_MM = 12.0
_ATTACHMENT = re.compile(r"Số\s*:.*\d{1,2}:\d{2}:\d{2}")
_COPY = re.compile(r"SAO Y|SAO LỤC|TRÍCH SAO", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Signed:
    """One signature with what it shows.

    :param order: its place among the letter's signatures, in the order they were made.
    :param page: page of its widget.
    :param block: the signature block in whose space it stands.
    """

    order: int
    report: SignatureReport
    role: Role
    page: int
    shown: Shown
    block: Block | None


@dataclass(frozen=True, slots=True)
class Scene:
    """All signatures of a letter that can be seen, and those that cannot.

    :param unseen: signatures, timestamps aside, that show nothing by their own widget.
    """

    seen: tuple[Signed, ...]
    unseen: tuple[SignatureReport, ...]

    def having(self, *roles: Role) -> tuple[Signed, ...]:
        """Return the signatures of these roles in the order they were made."""
        return tuple(signed for signed in self.seen if signed.role in roles)


def read_scene(letter: Letter, report: VerificationReport) -> Scene:
    """Look at every signature of the report."""
    fields = {field.name: field for field in letter.signature_fields}
    blocks: dict[int, list[Block]] = {}
    seen, unseen = [], []
    for order, signature in enumerate(report.signatures[:MAX_SIGNATURES]):
        if signature.kind == "timestamp":
            continue
        field = fields.get(signature.field)
        shown = shown_by(letter, signature.field) if field is not None else None
        if field is None or field.page is None or shown is None:
            unseen.append(signature)
            continue
        if field.page not in blocks:
            blocks[field.page] = find_blocks(read_page(letter, field.page))
        block = block_around(blocks[field.page], field)
        seen.append(Signed(order, signature, _role(letter, field, shown, block), field.page, shown, block))
    return Scene(tuple(seen), tuple(unseen))


def _role(letter: Letter, field: FieldInfo, shown: Shown, block: Block | None) -> Role:
    if field.policy not in _TOLD_BY_LOOK:
        return _ROLES.get(field.policy or "", "other")
    if _COPY.search(shown.text):
        return "copy"
    if _ATTACHMENT.search(shown.text):
        return "attachment"
    ink = shown.ink_mm
    if shown.colour == "red" and min(ink.width, ink.height) >= _SEAL_SIDE_MM:
        return "seal"
    if block is not None or (shown.colour == "blue" and ink.top > letter.page(field.page or 1).height_mm / 5):
        return "leader"
    return "other"
