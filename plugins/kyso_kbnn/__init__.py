"""The State Treasury (KBNN, Decision 935): dossiers from voucher to gateway, and how their attachments are signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kyso.plugin import Contribution, Diagnostic, PlacementPolicy, Setting, Text, hookimpl

if TYPE_CHECKING:
    from kyso.contracts import Exporter, Simulator

_ATTACHMENT_SETTINGS = (
    Setting(
        "title",
        "text",
        Text(
            "Chức danh người ký (mặc định: theo cấu hình khóa hoặc chứng thư)",
            "The signer's title (by default from the key's configuration or the certificate)",
        ),
    ),
    Setting(
        "budget_code",
        "text",
        Text("Mã đơn vị quan hệ với ngân sách", "Code of the unit in its relation with the budget"),
        required=True,
    ),
    Setting("content", "text", Text("Nội dung ký", "What is signed"), required=True),
    Setting(
        "date",
        "date",
        Text("Ngày ký hiển thị (mặc định: ngày giờ ký)", "The shown date (by default date and time of signing)"),
    ),
    Setting(
        "time_pattern",
        "text",
        Text("Mẫu thời gian hiển thị (strftime, giờ Việt Nam)", "Pattern of the shown time (strftime, Vietnam's zone)"),
        default="%d/%m/%Y %H:%M:%S +07:00",
    ),
    Setting(
        "signers",
        "choice",
        Text(
            "Số người ký dự kiến: các khung được xếp thành một hàng giữa trang",
            "How many will sign: their blocks stand in one row, centred as a whole",
        ),
        default="1",
        choices=("1", "2", "3", "4"),
    ),
)


def _attachment() -> PlacementPolicy:
    from kyso_kbnn.attachment import AttachmentPolicy

    return AttachmentPolicy()


def _diagnostic() -> Diagnostic:
    from kyso_kbnn.diagnostic import KbnnDiagnostic

    return KbnnDiagnostic()


@hookimpl
def register_catalogues(register: Callable[[str], None]) -> None:
    """Name this package's catalogues."""
    register("kyso_kbnn")


@hookimpl
def register_placement_policies(register: Callable[[Contribution[PlacementPolicy]], None]) -> None:
    """Contribute the block on attachments."""
    from kyso.placement.templates import template_setting

    register(
        Contribution(
            "kbnn.attachment",
            Text(
                "Khung chữ ký số trên chứng từ kèm theo gửi Kho bạc Nhà nước: giữa, phía trên trang đầu",
                "The signature block on attachments to the State Treasury: top centre of page 1",
            ),
            load=_attachment,
            settings=(*_ATTACHMENT_SETTINGS, template_setting()),
            owner="person",
        )
    )


@hookimpl
def register_commands(register: Callable[[Contribution[Any]], None]) -> None:
    """Contribute the command group ``kyso kbnn``."""
    from kyso_kbnn.contributions import commands

    register(commands())


@hookimpl
def register_exporters(register: Callable[[Contribution[Exporter]], None]) -> None:
    """Contribute the export ``kbnn.envelope``, for document systems."""
    from kyso_kbnn.contributions import exporter

    register(exporter())


@hookimpl
def register_simulators(register: Callable[[Contribution[Simulator]], None]) -> None:
    """Contribute the simulated gateway."""
    from kyso_kbnn.contributions import simulator

    register(simulator())


@hookimpl
def register_diagnostics(register: Callable[[Contribution[Diagnostic]], None]) -> None:
    """Contribute the examination of the Treasury's settings, keys and gateway."""
    register(Contribution("kbnn", Text("Kho bạc Nhà nước", "State Treasury"), load=_diagnostic))
