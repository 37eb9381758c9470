"""Judges the form of arriving letters by Decree 30/2020: never part of the verdict, with tolerance, with the article.

Rules that have no subject on a letter are not applicable: nobody sealed it, it carries no mark of a copy.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from datetime import time as clock
from typing import TYPE_CHECKING

from kyso.models import VIETNAM_TIME
from kyso.plugin import Conformity, Text
from kyso_decree30.block import find_blocks
from kyso_decree30.form_fields import issue_fields
from kyso_decree30.head import read_head
from kyso_decree30.numbering import numbered_before, shown_day
from kyso_decree30.roles import Scene, Signed, read_scene
from kyso_decree30.search import block_around, read_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Literal

    from kyso.plugin import Letter
    from kyso.verification.report import VerificationReport

OVERLAP = (0.25, 0.40)
"""What still reads as "about a third" of the signature, as a part of its ink's width."""

SEAL_SIDES_MM = (20.0, 50.0)
"""Known seals measure 30 to 42 mm; a picture outside of this is none in its true size."""

TOP_RIGHT = (0.55, 40.0)
"""A mark ends in the right part of the page, beyond this part of its width, and above this many millimetres."""

SAME_TIME = timedelta(minutes=5)

_ROUND = 0.15
_DATE = re.compile(r"(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})[/.-](?P<year>\d{4})")
_ISO_DATE = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})")
_NUMBER = re.compile(r"(?:S[ốỐ]\s*:?\s*)\d{1,6}|\b\d{1,6}[a-zđ]?\s*/\s*[A-ZĐ]")
_TIME = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})")


class Decree30Check:
    """One judgement for each rule of signatures on letters, attachments and copies."""

    def check(self, letter: Letter, report: VerificationReport) -> Iterable[Conformity]:
        """Judge a letter that carries signatures; nothing is said about one without."""
        if not report.signatures:
            return ()
        scene = read_scene(letter, report)
        return (
            _leader_place(scene),
            _leader_colour(scene),
            _seal_order(scene),
            _seal_overlap(scene),
            _seal_colour(scene),
            _seal_size(scene),
            _number_and_date(letter, scene),
            _day_of_issue(letter, scene),
            _shown_time(letter, scene),
            _mark_place(letter, scene),
            _mark_time(scene),
            _own_picture(letter, scene),
        )


def _judged(rule: str, article: str, failed: Sequence[Text], good: Text) -> Conformity:
    status: Literal["met", "not_met"] = "not_met" if failed else "met"
    return Conformity(f"decree30.{rule}", article, status, _joined(failed) if failed else good)


def _not_applicable(rule: str, article: str, why: Text) -> Conformity:
    return Conformity(f"decree30.{rule}", article, "not_applicable", why)


def _joined(texts: Sequence[Text]) -> Text:
    return Text("; ".join(text.vi for text in texts), "; ".join(text.en for text in texts))


_NO_LEADER = Text("Không có hình chữ ký của người có thẩm quyền", "No picture of an authorised person's signature")
_NO_SEAL = Text("Không có hình dấu của cơ quan, tổ chức", "No picture of an organisation's seal")
_NO_MARK = Text("Không phải phụ lục hoặc bản sao đã ký số", "No signed attachment or copy")

_LEADER = "NĐ 30/2020/NĐ-CP, Phụ lục I, II.7.d"
_SEAL = "NĐ 30/2020/NĐ-CP, Phụ lục I, II.8.a"
_MARK = "NĐ 30/2020/NĐ-CP, Phụ lục I, II.8.b, phần II"


# -------------------------------------------------------------------------------------------- the authorised person


def _leader_place(scene: Scene) -> Conformity:
    leaders = scene.having("leader")
    if not leaders:
        return _not_applicable("leader_place", _LEADER, _NO_LEADER)
    failed = [
        Text(
            f"Chữ ký “{one.report.field}” ở trang {one.page} không nằm giữa chức vụ và họ tên",
            f"The signature “{one.report.field}” on page {one.page} does not stand between title and name",
        )
        for one in leaders
        if one.block is None
    ]
    return _judged("leader_place", _LEADER, failed, Text("Giữa chức vụ và họ tên", "Between title and name"))


def _leader_colour(scene: Scene) -> Conformity:
    leaders = scene.having("leader")
    if not leaders:
        return _not_applicable("leader_colour", _LEADER, _NO_LEADER)
    failed = [
        Text(f"Chữ ký “{one.report.field}” không có màu xanh", f"The signature “{one.report.field}” is not blue")
        for one in leaders
        if one.shown.colour != "blue"
    ]
    return _judged("leader_colour", _LEADER, failed, Text("Màu xanh", "Blue"))


# --------------------------------------------------------------------------------------------------------- the seal


def _leader_of(scene: Scene, seal: Signed) -> Signed | None:
    """Return the leader's signature that the seal belongs to: the nearest one on its page."""
    here = [one for one in scene.having("leader") if one.page == seal.page]
    centre = seal.shown.ink_mm.right
    return min(here, key=lambda one: abs(one.shown.ink_mm.left - centre), default=None)


def _seal_order(scene: Scene) -> Conformity:
    article = "NĐ 30/2020/NĐ-CP, Điều 32.2"
    seals, leaders = scene.having("seal"), scene.having("leader")
    if not seals:
        return _not_applicable("seal_after_leader", article, _NO_SEAL)
    failed = [
        Text(
            f"Cơ quan, tổ chức ký (“{seal.report.field}”) khi chưa có chữ ký của người có thẩm quyền",
            f"The organisation signed (“{seal.report.field}”) before any authorised person",
        )
        for seal in seals
        if not any(leader.order < seal.order for leader in leaders)
    ]
    good = Text("Cơ quan, tổ chức ký sau người có thẩm quyền", "The organisation signed after the authorised person")
    return _judged("seal_after_leader", article, failed, good)


def _seal_overlap(scene: Scene) -> Conformity:
    measured: list[Text] = []
    failed: list[Text] = []
    for seal in scene.having("seal"):
        leader = _leader_of(scene, seal)
        if leader is None:
            continue
        ink, box = leader.shown.ink_mm, seal.shown.ink_mm
        part = (box.right - ink.left) / ink.width
        level = box.top < ink.bottom and ink.top < box.bottom
        shown = f"{part * 100:.0f} %"
        if level and OVERLAP[0] <= part <= OVERLAP[1]:
            measured.append(Text(f"Dấu trùm {shown} chữ ký về bên trái", f"The seal covers the left {shown}"))
        elif not level or part <= 0:
            failed.append(Text("Dấu không trùm lên chữ ký", "The seal does not cover the signature"))
        elif box.centre_x > ink.centre_x:
            failed.append(Text("Dấu nằm về bên phải chữ ký", "The seal stands on the right of the signature"))
        else:
            failed.append(
                Text(
                    f"Dấu trùm {shown} chữ ký, quy định khoảng 1/3",
                    f"The seal covers {shown}, the rule is about a third",
                )
            )
    if not measured and not failed:
        return _not_applicable("seal_overlap", _SEAL, _NO_SEAL if not scene.having("seal") else _NO_LEADER)
    return _judged("seal_overlap", _SEAL, failed, _joined(measured) if measured else _NO_SEAL)


def _seal_colour(scene: Scene) -> Conformity:
    seals = scene.having("seal")
    if not seals:
        return _not_applicable("seal_colour", _SEAL, _NO_SEAL)
    failed = [
        Text(f"Dấu “{seal.report.field}” không có màu đỏ", f"The seal “{seal.report.field}” is not red")
        for seal in seals
        if seal.shown.colour != "red"
    ]
    return _judged("seal_colour", _SEAL, failed, Text("Màu đỏ", "Red"))


def _seal_size(scene: Scene) -> Conformity:
    seals = scene.having("seal")
    if not seals:
        return _not_applicable("seal_size", _SEAL, _NO_SEAL)
    sizes, failed = [], []
    for seal in seals:
        box = seal.shown.ink_mm
        size = f"{box.width:.1f} x {box.height:.1f} mm"
        sizes.append(Text(size, size))
        least, most = SEAL_SIDES_MM
        is_round = abs(box.width / box.height - 1) <= _ROUND
        if not (least <= max(box.width, box.height) <= most and (is_round or box.width > box.height)):
            failed.append(Text(f"{size}: không phải kích thước thật của con dấu", f"{size} is no seal's true size"))
    return _judged("seal_size", _SEAL, failed, _joined(sizes))


# -------------------------------------------------------------------------------------------------- number and date


def _number_and_date(letter: Letter, scene: Scene) -> Conformity:
    article = "NĐ 30/2020/NĐ-CP, Điều 14, Điều 15"
    head = read_head(letter)
    fields = issue_fields(letter, head)
    if not scene.having("seal"):
        return _not_applicable("number_and_date", article, _NO_SEAL)
    if not head.readable and not fields.by_role:
        return _not_applicable("number_and_date", article, Text("Trang đầu không có lớp chữ", "Page 1 has no text"))
    number = head.number.number if head.number is not None else ""
    number = number or fields.number_value
    day = shown_day(head, fields)
    if numbered_before(letter) is not None or _number_drawn(letter, scene):
        return _judged("number_and_date", article, (), Text("Ghi bằng chữ ký số", "Drawn by a signature"))
    failed = []
    if not number:
        failed.append(Text("Thiếu số văn bản", "The number is missing"))
    if day is None:
        failed.append(Text("Thiếu ngày, tháng, năm ban hành", "The date of issue is missing"))
    symbol = head.number.symbol if head.number is not None else ""
    whole = f"{number}/{symbol}" if symbol and "/" not in number else number
    shown = f"{whole}, {day:%d/%m/%Y}" if day is not None else whole
    return _judged("number_and_date", article, failed, Text(shown, shown))


def _number_drawn(letter: Letter, scene: Scene) -> bool:
    """Tell whether another program's signature shows a number at the head of page 1."""
    third = letter.page(1).height_mm / 3
    return any(
        one.page == 1 and one.shown.ink_mm.top < third and _NUMBER.search(one.shown.text)
        for one in scene.having("other")
    )


def _day_of_issue(letter: Letter, scene: Scene) -> Conformity:
    article = "NĐ 30/2020/NĐ-CP, Điều 18"
    seals, head = scene.having("seal"), read_head(letter)
    issued = shown_day(head, issue_fields(letter, head))
    times = [signed for seal in seals if (signed := _signed_on(seal)) is not None]
    if issued is None or not times:
        why = Text("Không đọc được ngày của văn bản hoặc thời gian ký", "Date of issue or time of signing is not known")
        return _not_applicable("day_of_issue", article, why)
    failed = [
        Text(
            f"Văn bản đề ngày {issued:%d/%m/%Y}, cơ quan ký ngày {signed:%d/%m/%Y}",
            f"The letter is dated {issued:%d/%m/%Y}, the organisation signed on {signed:%d/%m/%Y}",
        )
        for signed in times
        if not issued <= signed <= next_working_day(issued)
    ]
    good = Text(
        "Ký trong ngày hoặc ngày làm việc tiếp theo (chưa xét ngày lễ)",
        "Signed on the day or the next working day (public holidays are not known)",
    )
    return _judged("day_of_issue", article, failed, good)


def _shown_time(letter: Letter, scene: Scene) -> Conformity:
    """A time that a picture shows has to be the time of signing, and a seal's fit the letter's date.

    The decree asks for a time on attachments and copies only; other programs show one beside every picture.
    """
    article = "NĐ 30/2020/NĐ-CP, Phụ lục I, II.7.d, II.8.a; Điều 18"
    head = read_head(letter)
    issued = shown_day(head, issue_fields(letter, head))
    seen, failed = False, []
    for one in scene.having("leader", "seal"):
        day = day_in(one.shown.text)
        if day is None:
            continue
        seen = True
        moment, signed = shown_moment(one.shown.text), one.report.signing_time.value
        if signed is not None:
            local = signed.astimezone(VIETNAM_TIME)
            differs = abs(moment - signed) > SAME_TIME if moment is not None else day != local.date()
            if differs:
                shown = f"{moment:%d/%m/%Y %H:%M:%S}" if moment is not None else f"{day:%d/%m/%Y}"
                about = (one.report.field, shown, f"{local:%d/%m/%Y %H:%M:%S}")
                failed.append(
                    Text(
                        "“{}” hiển thị {} nhưng ký lúc {}".format(*about),
                        "“{}” shows {} but was signed at {}".format(*about),
                    )
                )
        if one.role == "seal" and issued is not None and not issued <= day <= next_working_day(issued):
            failed.append(
                Text(
                    f"Dấu hiển thị ngày {day:%d/%m/%Y}, văn bản đề ngày {issued:%d/%m/%Y}",
                    f"The seal shows {day:%d/%m/%Y}, the letter is dated {issued:%d/%m/%Y}",
                )
            )
    if not seen:
        why = Text("Hình chữ ký và dấu không hiển thị thời gian", "Neither signature nor seal shows a time")
        return _not_applicable("shown_time", article, why)
    return _judged("shown_time", article, failed, Text("Đúng thời gian ký", "The time of signing"))


def _signed_on(signed: Signed) -> date | None:
    moment = signed.report.signing_time.value
    return None if moment is None else moment.astimezone(VIETNAM_TIME).date()


def next_working_day(day: date) -> date:
    """Return the first day after `day` that is neither a Saturday nor a Sunday."""
    following = day + timedelta(days=1)
    while following.weekday() >= 5:
        following += timedelta(days=1)
    return following


# -------------------------------------------------------------------------------------------------------- the marks


def _mark_place(letter: Letter, scene: Scene) -> Conformity:
    marks = scene.having("attachment", "copy")
    if not marks:
        return _not_applicable("mark_place", _MARK, _NO_MARK)
    failed = []
    for mark in marks:
        box = mark.shown.ink_mm
        right_part = box.right > TOP_RIGHT[0] * letter.page(mark.page).width_mm
        if mark.page != 1 or box.top > TOP_RIGHT[1] or not right_part:
            failed.append(
                Text(
                    f"“{mark.report.field}” không nằm ở góc trên bên phải trang đầu",
                    f"“{mark.report.field}” does not stand at the top right of page 1",
                )
            )
    return _judged("mark_place", _MARK, failed, Text("Góc trên bên phải trang đầu", "Top right of page 1"))


def _mark_time(scene: Scene) -> Conformity:
    marks = scene.having("attachment", "copy")
    if not marks:
        return _not_applicable("mark_time", _MARK, _NO_MARK)
    failed = []
    for mark in marks:
        shown, signed = shown_moment(mark.shown.text), mark.report.signing_time.value
        if shown is None:
            failed.append(
                Text("Không hiển thị thời gian ký (ngày; giờ: phút: giây)", "The time of signing is not shown")
            )
        elif signed is not None and abs(shown - signed) > SAME_TIME:
            about = (f"{shown:%d/%m/%Y %H:%M:%S}", f"{signed.astimezone(VIETNAM_TIME):%d/%m/%Y %H:%M:%S}")
            failed.append(
                Text(f"Hiển thị {about[0]} nhưng ký lúc {about[1]}", f"Shows {about[0]} but was signed at {about[1]}")
            )
    return _judged("mark_time", _MARK, failed, Text("Có hiển thị thời gian ký", "The time of signing is shown"))


def day_in(text: str) -> date | None:
    """Return the date that a text shows in figures, ``None`` without one or for a day that there is not."""
    day = _ISO_DATE.search(text) or _DATE.search(text)
    try:
        return None if day is None else date(int(day["year"]), int(day["month"]), int(day["day"]))
    except ValueError:
        return None


def shown_moment(text: str) -> datetime | None:
    """Return the date and time that a text shows, in Vietnam's zone; ``None`` without both."""
    day, time = day_in(text), _TIME.search(text)
    if day is None or time is None:
        return None
    hour, minute, second = map(int, time.groups())
    try:
        return datetime.combine(day, clock(hour, minute, second), VIETNAM_TIME)
    except ValueError:
        return None


# ------------------------------------------------------------------------------------------------ the click's target


def _own_picture(letter: Letter, scene: Scene) -> Conformity:
    """A picture that is page content or somebody else's annotation proves nothing when clicked."""
    article = "NĐ 30/2020/NĐ-CP, Phụ lục I, II.7.d, II.8"
    failed = []
    if scene.unseen:
        failed = [
            Text(
                f"Hình ở trang {page} tại chỗ ký không thuộc chữ ký số nào: bấm vào không xem được thông tin",
                f"The picture at the place to sign on page {page} belongs to no signature: a click shows nothing",
            )
            for page in _pictures_of_nobody(letter)
        ]
    if not failed and not scene.seen:
        why = Text("Chữ ký số không hiển thị hình ảnh", "The signatures show no picture")
        return _not_applicable("own_picture", article, why)
    good = Text("Hình ảnh là của chính chữ ký số", "The pictures are the signatures' own")
    return _judged("own_picture", article, failed, good)


def _pictures_of_nobody(letter: Letter) -> Iterator[int]:
    """Yield the pages on whose signature block something is drawn that is no signature's widget."""
    last = letter.page(-1).number
    for number in sorted({last, max(1, last - 1), 1}):
        for block in find_blocks(read_page(letter, number)):
            taken = any(field.signed and block_around([block], field) for field in letter.signature_fields)
            if not taken and not letter.free_of_ink(number, block.space.grown(-1.0)):
                yield number
