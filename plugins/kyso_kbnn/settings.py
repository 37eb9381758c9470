"""What ``[plugins.kbnn]`` of kyso.toml may hold, and how commands and exports read it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.plugin import ConfigWrong
from kyso_kbnn.contributions import SETTINGS, UNIT_SETTINGS
from kyso_kbnn.profile import HouseRules, Profile, default_profile, load_profile

if TYPE_CHECKING:
    from kyso.config import Config


@dataclass(frozen=True, slots=True)
class WatchRules:
    """When watching gives an alarm.

    :param amount: totals above it, in đồng; ``None`` for no limit.
    :param cash: cash withdrawals from it on, in đồng; ``None`` for no limit, 0 for every one.
    :param probe: how many dossier codes beyond the highest known one are asked for.
    """

    amount: int | None = None
    opens_at: time = time(7, 0)
    closes_at: time = time(17, 30)
    weekends: bool = False
    probe: int = 3
    interval_s: float = 900.0
    notify: tuple[str, ...] = ()
    cash: int | None = None


@dataclass(frozen=True, slots=True)
class KbnnSettings:
    """The plugin's settings, parsed.

    :param key_form: the form of key that the unit uses at present, ``token`` or ``remote`` (letter 7204/KBNN-CNTT).
    """

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
    key_form: str | None = None
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
    amount, cash = values.number("watch_amount", -1), values.number("watch_cash", -1)
    return KbnnSettings(
        profile=profile,
        unit={key: values.text(name) for name, (key, _, _) in UNIT_SETTINGS.items() if name in given},
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
        key_form=values.choice("key_form", ("token", "remote")),
        dossiers=config.base_dir / (values.text("dossiers") or "kbnn"),
        watch=WatchRules(
            amount=int(amount) if amount >= 0 else None,
            cash=int(cash) if cash >= 0 else None,
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

    def choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        value = self.text(name) or None
        if value is not None and value not in choices:
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
_OTHERS = frozenset({"title", "budget_code", "content", "date", "time_pattern", "signers", "position", "template"})
