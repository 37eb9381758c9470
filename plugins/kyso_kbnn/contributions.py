"""What the plugin contributes besides the block on attachments: light data; everything heavy is loaded on use."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from kyso.plugin import AVAILABLE, Availability, Contribution, Setting, Text

if TYPE_CHECKING:
    from kyso.contracts import Exporter, Simulator

UNIT_SETTINGS: dict[str, tuple[str, str, str]] = {
    "unit_name": ("name", "Tên đơn vị quan hệ ngân sách", "The unit's name"),
    "unit_short_name": ("short_name", "Tên viết tắt để đi ngân hàng", "The unit's short name for banks"),
    "unit_budget_code": ("budget_code", "Mã đơn vị quan hệ ngân sách", "The unit's budget code"),
    "unit_transaction_code": ("transaction_code", "Mã đơn vị giao dịch", "The unit's transaction code"),
    "unit_treasury": ("treasury", "Số hiệu KBNN nơi giao dịch (4 chữ số)", "Number of the treasury (four digits)"),
    "unit_account": ("account", "Số tài khoản tại KBNN", "The unit's account at the treasury"),
    "unit_budget_level": ("budget_level", "Mã cấp ngân sách", "Budget level"),
    "unit_address": ("address", "Địa chỉ đơn vị", "The unit's address"),
    "unit_phone": ("phone", "Số điện thoại", "Phone number"),
    "unit_establishment_decision": ("establishment_decision", "Số quyết định thành lập", "Establishing decision"),
    "unit_establishment_date": ("establishment_date", "Ngày quyết định thành lập", "Date of that decision"),
}

SETTINGS: tuple[Setting, ...] = (
    Setting("profile", "path", Text("Tệp hồ sơ chuẩn thay tệp đi kèm", "Profile to use instead of the packaged one")),
    Setting("dossier_prefix", "text", Text("Mã định danh loại hồ sơ do KBNN cấp", "Letters of dossier codes")),
    Setting("voucher_prefix", "text", Text("Mã định danh chứng từ do KBNN cấp", "Letters of voucher codes")),
    *(Setting(name, "text", Text(vi, en)) for name, (_, vi, en) in UNIT_SETTINGS.items()),
    Setting("accountant_username", "text", Text("Tên đăng nhập kế toán trưởng", "The chief accountant's login name")),
    Setting("holder_username", "text", Text("Tên đăng nhập chủ tài khoản", "The account holder's login name")),
    Setting("gateway_url", "text", Text("Địa chỉ cổng KBNN", "Address of the gateway")),
    Setting(
        "gateway_private",
        "flag",
        Text("Cho phép cổng ở địa chỉ nội bộ (giả lập, proxy)", "Permit a gateway on a private address"),
        default="false",
    ),
    Setting("gateway_deadline_s", "number", Text("Thời hạn mỗi lần gọi, giây", "Deadline of a call, seconds"), "60"),
    Setting("computer_ip", "text", Text("IP công khai của máy trạm", "The client's public IP address")),
    Setting("computer_name", "text", Text("Tên máy trạm", "The client's name")),
    Setting("accountant_first", "flag", Text("Kế toán trưởng ký trước", "The accountant signs first"), "true"),
    Setting("different_people", "flag", Text("Hai người ký khác nhau", "Two different people sign"), "true"),
    Setting("one_key_form", "flag", Text("Không dùng lẫn token và ký từ xa", "Do not mix token and remote"), "true"),
    Setting(
        "key_form",
        "choice",
        Text("Hình thức khóa đơn vị đang dùng (công văn 7204)", "The form of key that the unit uses (letter 7204)"),
        choices=("token", "remote"),
    ),
    Setting("attachment_blocks", "flag", Text("Cả hai ký tài liệu kèm theo", "Both sign every attachment"), "true"),
    Setting("dossiers", "text", Text("Thư mục chứa các hồ sơ", "Folder with the dossiers"), "kbnn"),
    Setting("watch_amount", "number", Text("Cảnh báo khi số tiền vượt mức (đồng)", "Warn above this amount")),
    Setting("watch_cash", "number", Text("Cảnh báo khi rút tiền mặt từ mức (đồng)", "Warn at cash from this amount")),
    Setting("watch_hours", "text", Text("Giờ làm việc, ví dụ 07:00-17:30", "Working hours"), "07:00-17:30"),
    Setting("watch_weekends", "flag", Text("Coi cuối tuần là bình thường", "Weekends are usual"), "false"),
    Setting("watch_probe", "number", Text("Số mã hồ sơ kế tiếp được dò", "Next dossier codes to probe"), "3"),
    Setting("watch_interval_s", "number", Text("Chu kỳ theo dõi, giây", "Interval of watching, seconds"), "900"),
    Setting("watch_notify", "text", Text("Địa chỉ Apprise, cách nhau bằng dấu cách", "Apprise addresses")),
)
"""The entries of ``[plugins.kbnn]``."""

EXPORT_SETTINGS: tuple[Setting, ...] = (
    Setting("form", "choice", Text("Kết xuất", "What is exported"), default="body", choices=("body", "xml")),
    Setting("profile", "path", Text("Tệp hồ sơ chuẩn thay tệp đi kèm", "Profile to use instead of the packaged one")),
    Setting("accountant_username", "text", Text("Tên đăng nhập kế toán trưởng", "The chief accountant's login name")),
    Setting("holder_username", "text", Text("Tên đăng nhập chủ tài khoản", "The account holder's login name")),
    Setting("accountant_envelope", "text", Text("Phong bì kế toán trưởng đã ký", "The accountant's envelope")),
    Setting("holder_envelope", "text", Text("Phong bì chủ tài khoản đã ký", "The account holder's envelope")),
)
EXPORT_OPTIONS = tuple(setting.name for setting in EXPORT_SETTINGS)
"""What an export may be told."""


def commands() -> Contribution[Any]:
    """Return the command group ``kyso kbnn``."""
    return Contribution(
        "kbnn",
        Text("Hồ sơ gửi Kho bạc Nhà nước: lập, ký, gửi, theo dõi", "Dossiers for the State Treasury: make, sign, send"),
        load=_load_commands,
        availability=_installed,
    )


def exporter() -> Contribution[Exporter]:
    """Return the export ``kbnn.envelope``; its settings are also those of the whole section ``[plugins.kbnn]``."""
    return Contribution(
        "kbnn.envelope",
        Text("Hồ sơ gửi Kho bạc Nhà nước theo Quyết định 935/QĐ-KBNN", "Dossier for the State Treasury (Decision 935)"),
        load=_load_exporter,
        availability=_installed,
        settings=(*EXPORT_SETTINGS, *(setting for setting in SETTINGS if setting.name not in EXPORT_OPTIONS)),
    )


def simulator() -> Contribution[Simulator]:
    """Return the simulated gateway ``kyso simulate kbnn``."""
    return Contribution(
        "kbnn",
        Text("KBNN-Gateway giả lập theo Quyết định 935/QĐ-KBNN", "KBNN-Gateway played by Decision 935"),
        load=_load_simulator,
        availability=_servable,
    )


def _load_commands() -> Any:
    from kyso_kbnn.commands import app

    return app


def _load_exporter() -> Exporter:
    from kyso_kbnn.exporter import EnvelopeExporter

    return EnvelopeExporter()


def _load_simulator() -> Simulator:
    from kyso_kbnn.simulator import KbnnSimulator

    return KbnnSimulator()


def _installed() -> Availability:
    if find_spec("lxml") is not None and find_spec("openpyxl") is not None:
        return AVAILABLE
    return _missing("kbnn")


def _servable() -> Availability:
    if find_spec("uvicorn") is None or find_spec("starlette") is None:
        return _missing("serve")
    return _installed()


def _missing(extra: str) -> Availability:
    return Availability(
        False,
        Text("Chưa cài đủ thư viện.", "Libraries are not installed."),
        Text(f"Chạy: pip install 'kyso[{extra}]'", f"Run: pip install 'kyso[{extra}]'"),
    )
