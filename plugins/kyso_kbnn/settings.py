"""What ``[plugins.kbnn]`` of kyso.toml may hold, and how commands and exports read it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.plugin import ConfigWrong, Setting, Text
from kyso_kbnn.profile import HouseRules, Profile, default_profile, load_profile

if TYPE_CHECKING:
    from kyso.config import Config

_UNIT = {
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
    Setting("profile", "text", Text("Tệp hồ sơ chuẩn thay tệp đi kèm", "Profile to use instead of the packaged one")),
    Setting("dossier_prefix", "text", Text("Mã định danh loại hồ sơ do KBNN cấp", "Letters of dossier codes")),
    Setting("voucher_prefix", "text", Text("Mã định danh chứng từ do KBNN cấp", "Letters of voucher codes")),
    *(Setting(name, "text", Text(vi, en)) for name, (_, vi, en) in _UNIT.items()),
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
    Setting("dossiers", "text", Text("Thư mục chứa các hồ sơ", "Folder with the dossiers"), "kbnn"),
    Setting("watch_amount", "number", Text("Cảnh báo khi số tiền vượt mức (đồng)", "Warn above this amount")),
    Setting("watch_hours", "text", Text("Giờ làm việc, ví dụ 07:00-17:30", "Working hours"), "07:00-17:30"),
    Setting("watch_weekends", "flag", Text("Coi cuối tuần là bình thường", "Weekends are usual"), "false"),
    Setting("watch_probe", "number", Text("Số mã hồ sơ kế tiếp được dò", "Next dossier codes to probe"), "3"),
    Setting("watch_interval_s", "number", Text("Chu kỳ theo dõi, giây", "Interval of watching, seconds"), "900"),
    Setting("watch_notify", "text", Text("Địa chỉ Apprise, cách nhau bằng dấu cách", "Apprise addresses")),
)


@dataclass(frozen=True, slots=True)
class WatchRules:
    """When watching gives an alarm.

    :param amount: totals above it, in đồng; ``None`` for no limit.
    :param probe: how many dossier codes beyond the highest known one are asked for.
    """

    amount: int | None = None
    opens_at: time = time(7, 0)
    closes_at: time = time(17, 30)
    weekends: bool = False
    probe: int = 3
    interval_s: float = 900.0
    notify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KbnnSettings:
    """The plugin's settings, parsed."""

    profile: Profile
    unit: Mapping[str, Any] = field(default_factory=dict)
    dossier_prefix: str = ""
    voucher_prefix: str = ""
    accountant_username: str = ""
    holder_username: str = ""
    gateway_url: str | None = None
    gateway_private: bool = False
    gateway_deadline_s: float = 60.0
    computer_ip: str = ""
    computer_name: str = ""
    house_rules: HouseRules = field(default_factory=HouseRules)
    dossiers: Path = Path("kbnn")
    watch: WatchRules = field(default_factory=WatchRules)


def settings_of(config: Config) -> KbnnSettings:
    """Read ``[plugins.kbnn]``.

    :raises ConfigWrong: an entry that is unknown or cannot be right.
    """
    table = config.plugins.get("kbnn", {})
    given = {name: value for name, value in table.items() if not isinstance(value, Mapping)}
    values = _Values(given)
    profile = default_profile()
    if "profile" in given:
        profile = load_profile(config.base_dir / values.text("profile"))
    rules = profile.house_rules
    named = {rule.name: values.flag(rule.name, getattr(rules, rule.name)) for rule in dataclasses.fields(HouseRules)}
    opens_at, closes_at = values.hours("watch_hours", "07:00-17:30")
    amount = values.number("watch_amount", -1)
    return KbnnSettings(
        profile=profile,
        unit={key: values.text(name) for name, (key, _, _) in _UNIT.items() if name in given},
        dossier_prefix=values.text("dossier_prefix"),
        voucher_prefix=values.text("voucher_prefix"),
        accountant_username=values.text("accountant_username"),
        holder_username=values.text("holder_username"),
        gateway_url=values.text("gateway_url") or None,
        gateway_private=values.flag("gateway_private", default=False),
        gateway_deadline_s=values.number("gateway_deadline_s", 60),
        computer_ip=values.text("computer_ip"),
        computer_name=values.text("computer_name"),
        house_rules=HouseRules(**named),
        dossiers=config.base_dir / (values.text("dossiers") or "kbnn"),
        watch=WatchRules(
            amount=int(amount) if amount >= 0 else None,
            opens_at=opens_at,
            closes_at=closes_at,
            weekends=values.flag("watch_weekends", default=False),
            probe=min(50, int(values.number("watch_probe", 3))),
            interval_s=max(1.0, values.number("watch_interval_s", 900)),
            notify=tuple(values.text("watch_notify").split()),
        ),
    )


class _Values:
    def __init__(self, given: Mapping[str, Any]) -> None:
        known = {setting.name for setting in SETTINGS}
        for name in given:
            if name not in known and name not in _OTHERS:
                raise ConfigWrong("kbnn.setting_unknown", name=name, known=sorted(known))
        self._given = given

    def text(self, name: str) -> str:
        value = self._given.get(name, "")
        if not isinstance(value, str):
            raise ConfigWrong("kbnn.setting_wrong", name=name, value=value)
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self._given.get(name, default)
        if not isinstance(value, bool):
            raise ConfigWrong("kbnn.setting_wrong", name=name, value=value)
        return value

    def number(self, name: str, default: float) -> float:
        value = self._given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or (name in self._given and value < 0):
            raise ConfigWrong("kbnn.setting_wrong", name=name, value=value)
        return float(value)

    def hours(self, name: str, default: str) -> tuple[time, time]:
        value = self.text(name) or default
        match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", value, re.ASCII)
        if match is None:
            raise ConfigWrong("kbnn.setting_wrong", name=name, value=value)
        parts = [int(part) for part in match.groups()]
        return time(parts[0], parts[1]), time(parts[2], parts[3])


# Settings of the signature block on attachments, which share the section.
_OTHERS = frozenset({"title", "budget_code", "content", "date", "time_pattern", "signers", "position"})
