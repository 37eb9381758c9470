"""Where signatures go on administrative letters: Decree 30/2020/NĐ-CP, annex I.

Four placement policies: the authorised person's signature, the organisation's seal, the mark on a separate attachment
and the mark on a digitised copy.
"""

from __future__ import annotations

from collections.abc import Callable

from kyso.plugin import Contribution, PlacementPolicy, Setting, Text, hookimpl

_TIME_PATTERN = Setting(
    "time_pattern",
    "text",
    Text("Mẫu thời gian hiển thị (strftime, giờ Việt Nam)", "Pattern of the shown time (strftime, Vietnam's zone)"),
    default="%d/%m/%Y; %H:%M:%S +07:00",
)

_LEADER_SETTINGS = (
    Setting(
        "max_width_mm",
        "mm",
        Text("Chiều rộng tối đa của hình chữ ký", "Greatest width of the signature's picture"),
        default="40",
    ),
    Setting(
        "max_height_mm",
        "mm",
        Text("Chiều cao tối đa của hình chữ ký", "Greatest height of the signature's picture"),
        default="22",
    ),
)

_SEAL_SETTINGS = (
    Setting("diameter_mm", "mm", Text("Đường kính thật của con dấu tròn", "True diameter of a round seal")),
    Setting("width_mm", "mm", Text("Chiều rộng thật của con dấu không tròn", "True width of a seal that is not round")),
    Setting(
        "height_mm", "mm", Text("Chiều cao thật của con dấu không tròn", "True height of a seal that is not round")
    ),
    Setting(
        "ratio",
        "number",
        Text(
            "Phần chữ ký của người có thẩm quyền được dấu trùm lên, tính từ bên trái",
            "Part of the authorised person's signature that the seal covers, from the left",
        ),
        default="1/3",
    ),
)

_ATTACHMENT_SETTINGS = (
    Setting(
        "number",
        "text",
        Text("Số và ký hiệu văn bản, ví dụ 12/QĐ-ABC", "Number and symbol of the letter, such as 12/QĐ-ABC"),
        required=True,
    ),
    _TIME_PATTERN,
)

_COPY_SETTINGS = (
    Setting(
        "copy_form",
        "choice",
        Text("Hình thức sao", "Form of the copy"),
        choices=("SAO Y", "SAO LỤC", "TRÍCH SAO"),
        required=True,
    ),
    Setting(
        "organisation",
        "text",
        Text(
            "Tên cơ quan, tổ chức sao văn bản (mặc định: theo cấu hình hoặc chứng thư)",
            "Name of the copying organisation (by default from the configuration or the certificate)",
        ),
    ),
    _TIME_PATTERN,
)


def _leader() -> PlacementPolicy:
    from kyso_decree30.leader import LeaderPolicy

    return LeaderPolicy()


def _seal() -> PlacementPolicy:
    from kyso_decree30.seal import SealPolicy

    return SealPolicy()


def _attachment() -> PlacementPolicy:
    from kyso_decree30.marks import AttachmentPolicy

    return AttachmentPolicy()


def _copy() -> PlacementPolicy:
    from kyso_decree30.marks import CopyPolicy

    return CopyPolicy()


@hookimpl
def register_catalogues(register: Callable[[str], None]) -> None:
    """Name this package's catalogues."""
    register("kyso_decree30")


@hookimpl
def register_placement_policies(register: Callable[[Contribution[PlacementPolicy]], None]) -> None:
    """Contribute the four policies of annex I."""
    register(
        Contribution(
            "decree30.leader",
            Text(
                "Chữ ký số của người có thẩm quyền, giữa chức vụ và họ tên (Phụ lục I, II.7.d)",
                "The authorised person's signature, between title and name (annex I, II.7.d)",
            ),
            load=_leader,
            settings=_LEADER_SETTINGS,
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
            settings=_SEAL_SETTINGS,
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
            settings=_ATTACHMENT_SETTINGS,
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
            settings=_COPY_SETTINGS,
        )
    )
