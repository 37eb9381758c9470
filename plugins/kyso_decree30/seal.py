"""The organisation's seal: true size, over the left third of the authorised person's signature (annex I, II.8.a).

The seal's right edge stands at ``ink_left + ratio * ink_width`` of the signature's visible picture, and their vertical
centres agree. It may only follow a signature that is intact and not known to be revoked or expired (article 32.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.placement.layout import contained, explicit_place, kept_inside, refuse_unused, shown_rect
from kyso.placement.pictures import read_picture
from kyso.plugin import Notice, Placement, RectMm, SigningRefused, WrongUse
from kyso.text import Phrase
from kyso_decree30.block import find_blocks
from kyso_decree30.search import block_around, read_page
from kyso_stamps import ImageItem, StampSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from kyso.plugin import FieldInfo, Letter, PlacementIntent
    from kyso.verification.report import SignatureReport, VerificationReport

NAME = "decree30.seal"
LEADER = "decree30.leader"

_GOOD_CHANGES = ("none", "permitted", "form_filling")
_BAD_STATUS = ("revoked", "suspended", "expired", "not_yet_valid")
_SHAPE_TOLERANCE = 0.04
_MOVED_MM = 0.05


class SealPolicy:
    """Puts the seal over the authorised person's signature."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return where the seal goes.

        A place given by field or rectangle moves the seal's centre there; its size stays true.

        :raises WrongUse: there is no picture, or no true size.
        :raises SigningRefused: no signature to seal, several, or one that must not be sealed; no room on the page.
        """
        refuse_unused(intent, NAME, leader_field=True)
        if intent.image is None:
            raise WrongUse("decree30.seal_image_missing")
        width, height = _true_size(intent.values)
        ratio = _ratio(intent.values)
        explicit = explicit_place(letter, intent)
        leader = find_leader(letter, intent.leader_field)
        notices = [*_checked(leader, intent.check_signatures())]
        ink = letter.ink_mm(leader.name)
        if ink is None or leader.page is None:
            raise SigningRefused("decree30.leader_invisible", field=leader.name)
        if explicit is not None:
            notices.append(Notice("decree30.place_given", {"rule": Phrase("decree30.place.seal")}))
        elif intent.page is not None and letter.page(intent.page).number != leader.page:
            raise WrongUse("decree30.seal_other_page", field=leader.name, page=leader.page, given=intent.page)
        picture = read_picture(intent.image, intent.fonts.cache_dir)
        if abs(picture.aspect * height / width - 1) > _SHAPE_TOLERANCE:
            notices.append(Notice("decree30.seal_shape", {"width": width, "height": height}))
        if explicit is not None:
            page, field = explicit.page, explicit.field
            box = _inside(explicit.rect_mm, width, height)
        else:
            page, field = leader.page, None
            wanted = RectMm(ink.left + ratio * ink.width - width, ink.centre_y - height / 2, width, height)
            box = _on_page(letter, page, wanted)
            moved = max(abs(box.left - wanted.left), abs(box.top - wanted.top))
            if moved > _MOVED_MM:
                notices.append(Notice("decree30.seal_moved", {"distance": f"{moved:.1f}", "page": page}))
        visible = contained(picture.aspect, 1.0, box)
        whole = picture.around(visible)
        # A field that is there already keeps its rectangle.
        rect = explicit.rect_mm if explicit is not None and field is not None else whole
        if not rect.contains(whole, _MOVED_MM):
            raise SigningRefused(
                "decree30.seal_larger_than_place",
                rect=shown_rect(rect),
                width=f"{whole.width:.1f}",
                height=f"{whole.height:.1f}",
            )
        item = ImageItem(picture.path, whole.moved(-rect.left, -rect.top).as_tuple(), fit="exact")
        return Placement(
            NAME,
            page,
            rect,
            StampSpec(rect.width, rect.height, (item,)),
            field=field or intent.field,
            notices=tuple(notices),
            boxes_mm={"stamp": rect, "leader_ink": ink, "ink": visible},
        )


def _true_size(values: Mapping[str, Any]) -> tuple[float, float]:
    diameter, width, height = (values.get(name) for name in ("diameter_mm", "width_mm", "height_mm"))
    if diameter is not None and (width is not None or height is not None):
        raise WrongUse("decree30.seal_size_twice")
    if diameter is not None:
        return diameter, diameter
    if width is None or height is None:
        raise WrongUse("decree30.seal_size_missing")
    return width, height


def _ratio(values: Mapping[str, Any]) -> float:
    ratio = float(values["ratio"])
    if not 0 < ratio <= 1:
        raise WrongUse("decree30.ratio_out_of_range", ratio=f"{ratio:g}")
    return ratio


def _inside(place: RectMm, width: float, height: float) -> RectMm:
    if width > place.width + _MOVED_MM or height > place.height + _MOVED_MM:
        raise SigningRefused("decree30.seal_larger_than_place", rect=shown_rect(place), width=width, height=height)
    return RectMm(place.centre_x - width / 2, place.centre_y - height / 2, width, height)


def _on_page(letter: Letter, page: int, rect: RectMm) -> RectMm:
    whole = letter.page(page).rect_mm
    kept = kept_inside(rect, whole)
    if kept is None:
        raise SigningRefused("decree30.seal_larger_than_page", page=page, width=rect.width, height=rect.height)
    return kept


# ---------------------------------------------------------------------------------------- the signature to be sealed


def find_leader(letter: Letter, name: str | None) -> FieldInfo:
    """Return the field of the signature to be sealed.

    It is the field named by the caller; else the one that kyso placed as the leader's; else the signed field that
    stands between title and name of a signature block. Signatures that a seal covers already are not looked at.

    :raises SigningRefused: there is none, or more than one.
    """
    fields = letter.signature_fields
    if name is not None:
        chosen = next((field for field in fields if field.name == name), None)
        if chosen is None or not chosen.signed:
            raise SigningRefused(
                "decree30.leader_field_unknown",
                field=name,
                signed=[field.name for field in fields if field.signed] or "-",
            )
        return chosen
    signed = [field for field in fields if field.signed and field.rect_mm is not None and field.page is not None]
    seals = [field for field in signed if field.policy == NAME]
    leaders = [field for field in signed if field.policy == LEADER] or _between_title_and_name(letter, signed)
    if not leaders:
        raise SigningRefused("decree30.leader_missing", signed=[field.name for field in fields if field.signed] or "-")
    open_ones = [field for field in leaders if not any(_overlap(field, seal) for seal in seals)]
    if not open_ones:
        raise SigningRefused("decree30.already_sealed", fields=[field.name for field in leaders])
    if len(open_ones) > 1:
        raise SigningRefused("decree30.leader_ambiguous", fields=[_described(field) for field in open_ones])
    return open_ones[0]


def _between_title_and_name(letter: Letter, signed: Iterable[FieldInfo]) -> list[FieldInfo]:
    foreign = [field for field in signed if field.policy is None]
    found = []
    for page in sorted({field.page for field in foreign if field.page is not None}):
        blocks = find_blocks(read_page(letter, page))
        found += [field for field in foreign if field.page == page and block_around(blocks, field) is not None]
    return found


def _overlap(field: FieldInfo, seal: FieldInfo) -> bool:
    if field.page != seal.page or field.rect_mm is None or seal.rect_mm is None:
        return False
    return field.rect_mm.intersects(seal.rect_mm)


def _described(field: FieldInfo) -> str:
    place = f" ({field.rect_mm.left:.0f}; {field.rect_mm.top:.0f})" if field.rect_mm is not None else ""
    return f"{field.name} [{field.page}]{place}"


def _checked(leader: FieldInfo, report: VerificationReport) -> Iterable[Notice]:
    """Refuse a signature that must not be sealed; warn about one whose trust is not known.

    :raises SigningRefused: article 32.2 forbids it.
    """
    signature = next((signature for signature in report.signatures if signature.field == leader.name), None)
    if signature is None:
        raise SigningRefused("decree30.leader_unchecked", field=leader.name)
    why = _objection(signature)
    if why is not None:
        raise SigningRefused(why, field=leader.name, signer=signature.signer.name)
    if signature.verdict != "valid":
        return (Notice("decree30.leader_untrusted", {"field": leader.name, "signer": signature.signer.name}),)
    return ()


def _objection(signature: SignatureReport) -> str | None:
    if signature.integrity != "intact":
        return "decree30.leader_broken"
    if signature.changes not in _GOOD_CHANGES:
        return "decree30.leader_changed"
    if signature.verdict == "valid":
        return None
    if signature.certificate is not None and signature.certificate.status in _BAD_STATUS:
        return "decree30.leader_certificate"
    return "decree30.leader_invalid" if signature.verdict == "invalid" else None
