"""Where signatures go on administrative letters: Decree 30/2020/NĐ-CP, annex I.

Placement policies for everyone who signs on the way of a letter: initials, the authorised person, number and date of
issue, the organisation's seal, the marks on attachments and digitised copies, urgency and receipt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kyso.plugin import Contribution, PlacementPolicy, Text, hookimpl

if TYPE_CHECKING:
    from kyso.contracts import ConformityCheck, LetterReader


def _leader() -> PlacementPolicy:
    from kyso_decree30.leader import LeaderPolicy

    return LeaderPolicy()


def _initial() -> PlacementPolicy:
    from kyso_decree30.initial import InitialPolicy

    return InitialPolicy()


def _seal() -> PlacementPolicy:
    from kyso_decree30.seal import SealPolicy

    return SealPolicy()


def _number() -> PlacementPolicy:
    from kyso_decree30.number_policy import NumberPolicy

    return NumberPolicy()


def _attachment() -> PlacementPolicy:
    from kyso_decree30.marks import AttachmentPolicy

    return AttachmentPolicy()


def _copy() -> PlacementPolicy:
    from kyso_decree30.marks import CopyPolicy

    return CopyPolicy()


def _urgency() -> PlacementPolicy:
    from kyso_decree30.paper import UrgencyPolicy

    return UrgencyPolicy()


def _incoming() -> PlacementPolicy:
    from kyso_decree30.paper import IncomingPolicy

    return IncomingPolicy()


def _check() -> ConformityCheck:
    from kyso_decree30.conformity import Decree30Check

    return Decree30Check()


def _reader() -> LetterReader:
    from kyso_decree30.reader import Decree30Reader

    return Decree30Reader()


@hookimpl
def register_letter_readers(register: Callable[[Contribution[LetterReader]], None]) -> None:
    """Contribute the reader of the letter's head."""
    summary = Text("Đọc phần đầu văn bản theo Nghị định 30", "Read the head of a letter set as Decree 30 asks")
    register(Contribution("decree30", summary, load=_reader))


@hookimpl
def register_catalogues(register: Callable[[str], None]) -> None:
    """Name this package's catalogues."""
    register("kyso_decree30")


@hookimpl
def register_placement_policies(register: Callable[[Contribution[PlacementPolicy]], None]) -> None:
    """Contribute the policies of the decree's annexes."""
    from kyso_decree30.settings import (
        ATTACHMENT_SETTINGS,
        COPY_SETTINGS,
        INCOMING_SETTINGS,
        INITIAL_SETTINGS,
        LEADER_SETTINGS,
        NUMBER_SETTINGS,
        SEAL_SETTINGS,
        URGENCY_SETTINGS,
    )

    register(
        Contribution(
            "decree30.leader",
            Text(
                "Chữ ký số của người có thẩm quyền, giữa chức vụ và họ tên (Phụ lục I, II.7.d)",
                "The authorised person's signature, between title and name (annex I, II.7.d)",
            ),
            load=_leader,
            settings=LEADER_SETTINGS,
            owner="person",
        )
    )
    register(
        Contribution(
            "decree30.initial",
            Text(
                "Ký nháy, ký tắt của người soạn thảo hoặc rà soát văn bản",
                "Initials of who drafted or reviewed the letter",
            ),
            load=_initial,
            settings=INITIAL_SETTINGS,
            owner="person",
        )
    )
    register(
        Contribution(
            "decree30.seal",
            Text(
                "Chữ ký số của cơ quan, tổ chức: dấu trùm 1/3 chữ ký về bên trái (Phụ lục I, II.8.a)",
                "The organisation's signature: its seal over the left third of the signature (annex I, II.8.a)",
            ),
            load=_seal,
            settings=SEAL_SETTINGS,
            owner="organisation",
        )
    )
    register(
        Contribution(
            "decree30.number",
            Text(
                "Số, ký hiệu và ngày ban hành ở trang đầu, ghi sau khi người có thẩm quyền ký (Điều 14, 15)",
                "Number and date of issue on page 1, given after the authorised person signed (articles 14 and 15)",
            ),
            load=_number,
            settings=NUMBER_SETTINGS,
            owner="organisation",
        )
    )
    register(
        Contribution(
            "decree30.attachment",
            Text(
                "Chữ ký số trên phụ lục là tệp riêng, góc trên bên phải trang đầu (Phụ lục I, II.8.b)",
                "The signature on an attachment in a file of its own, top right of page 1 (annex I, II.8.b)",
            ),
            load=_attachment,
            settings=ATTACHMENT_SETTINGS,
            owner="organisation",
        )
    )
    register(
        Contribution(
            "decree30.copy",
            Text(
                "Chữ ký số trên bản sao số hóa: SAO Y, SAO LỤC, TRÍCH SAO (Phụ lục I, phần II)",
                "The signature on a digitised copy: SAO Y, SAO LỤC, TRÍCH SAO (annex I, part II)",
            ),
            load=_copy,
            settings=COPY_SETTINGS,
            owner="organisation",
        )
    )
    register(
        Contribution(
            "decree30.urgency",
            Text(
                "Dấu chỉ độ khẩn trên văn bản giấy được số hóa (Phụ lục I, III.2.b)",
                "A degree of urgency on digitised paper (annex I, III.2.b)",
            ),
            load=_urgency,
            settings=URGENCY_SETTINGS,
        )
    )
    register(
        Contribution(
            "decree30.incoming",
            Text(
                "Dấu ĐẾN trên văn bản giấy được số hóa, 35 x 50 mm (Phụ lục IV)",
                "The stamp of receipt on digitised paper, 35 x 50 mm (annex IV)",
            ),
            load=_incoming,
            settings=INCOMING_SETTINGS,
            owner="organisation",
        )
    )


@hookimpl
def register_conformity_checks(register: Callable[[Contribution[ConformityCheck]], None]) -> None:
    """Contribute the judgement of arriving letters' form."""
    register(
        Contribution(
            "decree30",
            Text(
                "Thể thức chữ ký số trên văn bản đến (Nghị định 30/2020/NĐ-CP)",
                "The form of signatures on arriving letters (Decree 30/2020)",
            ),
            load=_check,
        )
    )
