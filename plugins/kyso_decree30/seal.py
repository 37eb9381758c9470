"""The organisation's seal: true size, over the left third of the authorised person's signature (annex I, II.8.a).

The seal's right edge stands at ``ink_left + ratio * ink_width`` of the signature's visible picture, and their vertical
centres agree. It may only follow a signature that is intact and not known to be revoked or expired (article 32.2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kyso.placement.candidates import Candidate
from kyso.placement.layout import contained, explicit_place, free_place, kept_inside, refuse_unused, shown_rect
from kyso.placement.lettering import set_lines, shown_time
from kyso.placement.pictures import picture_notices, read_picture
from kyso.placement.templates import stamp_of
from kyso.plugin import Notice, Placement, RectMm, SigningRefused, WrongUse
from kyso.text import Phrase
from kyso_decree30.block import find_blocks
from kyso_decree30.form_fields import PlacedText
from kyso_decree30.numbering import prepare_issue
from kyso_decree30.search import block_around, read_page
from kyso_stamps import ImageItem, StampSpec, TextItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import Any

    from kyso.config import SealSection
    from kyso.plugin import FieldInfo, Letter, PlacementIntent
    from kyso.verification.report import SignatureReport, VerificationReport
    from kyso_stamps import StampItem

NAME = "decree30.seal"
LEADER = "decree30.leader"

_GOOD_CHANGES = ("none", "permitted", "form_filling")
_BAD_STATUS = ("revoked", "suspended", "expired", "not_yet_valid")
_SHAPE_TOLERANCE = 0.04
_SHAPE_FINDING = "picture.out_of_shape"
_MOVED_MM = 0.05

_LINES_PT = 8.0
_LINES_LEAST_PT = 6.0
_LINES_WIDTH_MM = 50.0


class SealPolicy:
    """Puts the seal over the authorised person's signature."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return where the seal goes.

        A place given by field or rectangle moves the seal's centre there; its size stays true. Number and date that are
        given to this step are drawn by the same appearance, whose widget then reaches from there to the seal.

        :raises WrongUse: there is no picture, or no true size; number or date contradict the letter.
        :raises SigningRefused: no signature to seal, several, or one that must not be sealed; no number or date; no
            room on the page.
        """
        template = intent.template
        if template is not None and not (template.takes_image and template.true_size):
            raise WrongUse("decree30.template_without_seal", template=template.name)
        refuse_unused(intent, NAME, leader_field=True)
        if intent.image is None:
            raise WrongUse("decree30.seal_image_missing")
        size = true_size(intent.values)
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
        page = leader.page if explicit is None else explicit.page
        issue = prepare_issue(letter, intent)
        if issue.texts and page != 1:
            raise SigningRefused("decree30.number_on_other_page", page=page)
        # A size that fits nowhere is told before what the picture is like at that size.
        if explicit is None:
            _on_page(letter, page, RectMm(0.0, 0.0, *size))
        else:
            _inside(explicit.rect_mm, *size)
        shown = _shown(intent, size)
        if explicit is not None:
            drawn = _inside(explicit.rect_mm, shown.width_mm, shown.height_mm)
        else:
            seal = shown.visible
            # Where the whole stamp goes so that what is visible of the seal ends at the third.
            wanted = RectMm(
                ink.left + ratio * ink.width - seal.right,
                ink.centre_y - seal.centre_y,
                shown.width_mm,
                shown.height_mm,
            )
            drawn = _on_page(letter, page, wanted)
            moved = max(abs(drawn.left - wanted.left), abs(drawn.top - wanted.top))
            if moved > _MOVED_MM:
                notices.append(Notice("decree30.seal_moved", {"distance": f"{moved:.1f}", "page": page}))
        visible = shown.visible.moved(drawn.left, drawn.top)
        notices += [*shown.notices, *issue.notices]
        if _covers_print(letter, page, shown.items(drawn)):
            notices.append(Notice("decree30.template_covers", {"page": page}))
        texts = [*issue.texts]
        if intent.values["show"] == "image-organisation-time" and intent.template is None:
            texts.append(_lines_beside(letter, intent, page, drawn))
            notices.append(Notice("decree30.lines_added"))
        whole = _united(drawn, texts)
        # A field that is there already keeps its rectangle.
        rect = explicit.rect_mm if explicit is not None and explicit.field is not None else whole
        if not rect.contains(whole, _MOVED_MM):
            if issue.texts and rect.contains(drawn, _MOVED_MM):
                raise SigningRefused("decree30.number_outside_field", field=intent.field or "-")
            raise SigningRefused(
                "decree30.seal_larger_than_place",
                rect=shown_rect(rect),
                width=f"{whole.width:.1f}",
                height=f"{whole.height:.1f}",
            )
        items = (*shown.items(drawn.moved(-rect.left, -rect.top)), *(text.item(rect) for text in texts))
        return Placement(
            NAME,
            page,
            rect,
            StampSpec(rect.width, rect.height, items),
            field=(explicit.field if explicit is not None else None) or intent.field,
            notices=tuple(notices),
            boxes_mm={"stamp": rect, "leader_ink": ink, "ink": visible},
            fills=issue.fills,
        )


@dataclass(frozen=True, slots=True)
class _Shown:
    """What shows the seal: its picture alone, or a template with it; in millimetres from its own top left.

    :param visible: the visible part of the seal.
    """

    spec: StampSpec
    visible: RectMm
    notices: tuple[Notice, ...]

    @property
    def width_mm(self) -> float:
        return self.spec.width_mm

    @property
    def height_mm(self) -> float:
        return self.spec.height_mm

    def items(self, place: RectMm) -> Iterable[StampItem]:
        """Yield what is drawn, with `place` in the millimetres of the stamp it becomes part of."""
        for item in self.spec.items:
            left, top, width, height = item.box_mm
            yield replace(item, box_mm=(left + place.left, top + place.top, width, height))


def _covers_print(letter: Letter, page: int, items: Iterable[StampItem]) -> bool:
    """Tell whether text of a template would stand on print; the seal itself is meant to."""
    return any(not letter.free_of_ink(page, RectMm(*item.box_mm)) for item in items if isinstance(item, TextItem))


def _shown(intent: PlacementIntent, size: tuple[float, float]) -> _Shown:
    """Return what shows the seal of the intent at its true size.

    :raises SigningRefused: the picture cannot be used.
    """
    assert intent.image is not None
    if intent.template is None:
        seal = seal_picture(intent.image, RectMm(0.0, 0.0, *size), intent.fonts.cache_dir)
        whole = seal.whole
        spec = StampSpec(whole.width, whole.height, (seal.item(whole),))
        return _Shown(spec, seal.visible.moved(-whole.left, -whole.top), seal.notices)
    stamp = stamp_of(intent, image_mm=size)
    assert stamp.picture is not None
    return _Shown(stamp.spec, stamp.picture, _seal_notices(intent.image, stamp.picture, size, intent.fonts.cache_dir))


@dataclass(frozen=True, slots=True)
class SealPicture:
    """A seal at its true size.

    :param visible: its visible part in display space.
    :param whole: the whole picture, with transparent margins.
    """

    path: Path
    visible: RectMm
    whole: RectMm
    notices: tuple[Notice, ...]

    def item(self, origin: RectMm) -> ImageItem:
        """Return it for a stamp whose box is `origin`."""
        return ImageItem(self.path, self.whole.moved(-origin.left, -origin.top).as_tuple(), fit="exact")


def seal_picture(path: Path, box: RectMm, cache_dir: Path | None) -> SealPicture:
    """Return the seal whose visible part fills `box`; one of other proportions keeps its own, with a notice.

    :raises SigningRefused: the picture cannot be used.
    """
    picture = read_picture(path, cache_dir)
    visible = contained(picture.aspect, 1.0, box)
    about = _seal_notices(path, visible, (box.width, box.height), cache_dir)
    return SealPicture(path, visible, picture.around(visible), about)


def _seal_notices(path: Path, visible: RectMm, size: tuple[float, float], cache_dir: Path | None) -> tuple[Notice, ...]:
    """Say what is wrong with a seal's picture that is shown as `visible` where `size` was configured."""
    about = [notice for notice in picture_notices(path, "seal", visible, cache_dir) if notice.code != _SHAPE_FINDING]
    if abs(visible.width / visible.height * size[1] / size[0] - 1) > _SHAPE_TOLERANCE:
        about.append(Notice("decree30.seal_shape", {"width": size[0], "height": size[1]}))
    return tuple(about)


def _united(rect: RectMm, texts: Iterable[PlacedText]) -> RectMm:
    for text in texts:
        rect = rect.united(text.rect_mm)
    return rect


def _lines_beside(letter: Letter, intent: PlacementIntent, page: int, seal: RectMm) -> PlacedText:
    """Return organisation and time below the seal, or else above it or to its left, where the paper is empty.

    :raises SigningRefused: it is printed on everywhere around the seal.
    """
    lines = (intent.organisation, shown_time(intent, intent.time_pattern))
    lettering = set_lines(
        tuple(line for line in lines if line),
        size_pt=_LINES_PT,
        min_size_pt=_LINES_LEAST_PT,
        max_width_mm=_LINES_WIDTH_MM,
        fonts=intent.fonts,
    )
    width, height = lettering.width_mm, lettering.height_mm
    left = max(0.0, seal.centre_x - width / 2)
    candidates = [RectMm(left, seal.bottom + 0.5 + step, width, height) for step in (0.0, 2.0, 4.0, 8.0, 12.0)]
    candidates += [RectMm(left, seal.top - 0.5 - height - step, width, height) for step in (0.0, 2.0, 4.0)]
    candidates += [RectMm(seal.left - 1.0 - width, seal.top + share * seal.height, width, height) for share in (0.4, 0)]
    place = free_place(letter, page, candidates)
    if place is None or place.covers:
        raise SigningRefused("decree30.no_room_for_lines", page=page)
    return PlacedText(place.rect_mm, lettering)


def true_size(values: Mapping[str, Any], configured: SealSection | None = None) -> tuple[float, float]:
    """Return width and height of the seal in mm.

    :param configured: the seal of the configuration, whose size counts where `values` tell none.
    :raises WrongUse: no size, half a size, or two sizes are given.
    """
    diameter, width, height = (values.get(name) for name in ("diameter_mm", "width_mm", "height_mm"))
    if configured is not None and diameter is None and width is None and height is None:
        diameter, width, height = configured.diameter_mm, configured.width_mm, configured.height_mm
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
    # The widget of a seal that also draws the number reaches up the page; its picture is what seals.
    seals = [
        (field.page, ink) for field in signed if field.policy == NAME and (ink := letter.ink_mm(field.name)) is not None
    ]
    leaders = [field for field in signed if field.policy == LEADER] or _between_title_and_name(letter, signed)
    if not leaders:
        raise SigningRefused("decree30.leader_missing", signed=[field.name for field in fields if field.signed] or "-")
    open_ones = [field for field in leaders if not any(_covered(field, *seal) for seal in seals)]
    if not open_ones:
        raise SigningRefused("decree30.already_sealed", fields=[field.name for field in leaders])
    if len(open_ones) > 1:
        raise SigningRefused(
            "decree30.leader_ambiguous", candidates=[_candidate(*one) for one in enumerate(open_ones, 1)]
        )
    return open_ones[0]


def _between_title_and_name(letter: Letter, signed: Iterable[FieldInfo]) -> list[FieldInfo]:
    foreign = [field for field in signed if field.policy is None]
    found = []
    for page in sorted({field.page for field in foreign if field.page is not None}):
        blocks = find_blocks(read_page(letter, page))
        found += [field for field in foreign if field.page == page and block_around(blocks, field) is not None]
    return found


def _covered(field: FieldInfo, page: int | None, seal: RectMm) -> bool:
    return field.page == page and field.rect_mm is not None and field.rect_mm.intersects(seal)


def _candidate(number: int, field: FieldInfo) -> Candidate:
    rect = field.rect_mm
    place = {"left": f"{rect.left:.0f}", "top": f"{rect.top:.0f}"} if rect is not None else {"left": "-", "top": "-"}
    about = {"number": number, "field": field.name, "page": field.page, **place}
    return Candidate("decree30.candidate_field", about, field.page or 1, rect)


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
