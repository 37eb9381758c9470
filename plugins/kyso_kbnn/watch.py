"""Watching what the treasury does with the unit's dossiers (letter 224/KBNT-KTNN asks units to do so).

Decision 935 offers the state of dossiers by their codes and nothing else: no balance, no list, no log-ins of others.
So this watches the dossiers in a folder, and asks for a few codes beyond the highest known one: if the treasury knows a
dossier that this unit's software never made, somebody else is using the unit's name. The rules:

- a dossier that is open changed its state, or was returned;
- the treasury names another amount than the dossier has, or does not know any more what it had taken;
- an amount above a limit, a cash withdrawal from a limit on, a dossier sent at an unusual hour;
- a log-in of this installation at an unusual hour, or one that was refused;
- a code that this unit never gave.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from kyso.models import VIETNAM_TIME
from kyso.plugin import InputRefused
from kyso_kbnn import login_log
from kyso_kbnn.folder import DossierFolder, FolderState
from kyso_kbnn.gateway import GatewayClient, StatusAnswer
from kyso_kbnn.listing import Listed, list_dossiers
from kyso_kbnn.profile import Profile
from kyso_kbnn.sending import is_open, take_over
from kyso_kbnn.settings import WatchRules
from kyso_kbnn.telling import RETURNED, Event, log

PURPOSE = "watch"
"""How watching names itself in the log of log-ins; its own are no surprise at night."""

_SEEN_FILE = "watch-seen.json"
_ASKED_AT_ONCE = 200


def watch_once(root: Path, gateway: GatewayClient, profile: Profile, rules: WatchRules, now: datetime) -> list[Event]:
    """Ask once about everything that is open and return what is new; each alarm is given once.

    :raises RemoteFailed: the gateway cannot be asked.
    """
    listed = list_dossiers(root, profile)
    events = list(_open_dossiers(listed, gateway, profile, now))
    for one in listed:
        events.extend(_unusual(one, rules, now))
    events.extend(_strangers(gateway, {one.state.code for one in listed}, rules))
    return _fresh(root, events, rules, now)


def watch_logins(root: Path, rules: WatchRules, now: datetime) -> list[Event]:
    """Return what is new about log-ins alone, for when the gateway does not let anybody in."""
    return _fresh(root, [], rules, now)


def _fresh(root: Path, events: list[Event], rules: WatchRules, now: datetime) -> list[Event]:
    seen = _seen(root)
    events = [*events, *_logins(root, rules)]
    fresh = [event for event in events if event.kind == "changed" or event.key not in seen]
    if fresh:
        log(root, fresh, now)
        _keep_seen(root, seen | {event.key for event in fresh if event.kind == "alarm"})
    return fresh


def _open_dossiers(
    listed: Sequence[Listed], gateway: GatewayClient, profile: Profile, now: datetime
) -> Iterable[Event]:
    """Ask for the state of all open dossiers, many in one call, and take over the answers."""
    waiting = {one.state.code: one for one in listed if is_open(one.state)}
    codes = list(waiting)
    for start in range(0, len(codes), _ASKED_AT_ONCE):
        for answer in gateway.status(codes[start : start + _ASKED_AT_ONCE]):
            one = waiting.pop(answer.code, None)
            if one is None:
                continue
            try:
                after = take_over(DossierFolder(one.path, profile), answer, now)
            except InputRefused:
                continue  # somebody works on it at this moment; next time
            yield from _changes(one, after, answer)


def _changes(one: Listed, after: FolderState, answer: StatusAnswer) -> Iterable[Event]:
    before, code = one.state, one.state.code
    words: dict[str, object] = {"state": after.state, "words": after.gateway_status, "title": one.title}
    if answer.state == "unknown" and before.state == "sent":
        yield Event("alarm", "kbnn.watch_vanished", code, words)
    elif (after.state, after.gateway_status) != (before.state, before.gateway_status):
        yield Event("changed", RETURNED if after.state == "returned" else "kbnn.watch_changed", code, words)
    if answer.amount is not None and one.total is not None and answer.amount != one.total:
        amounts: dict[str, object] = {"title": one.title, "amount": _dong(one.total), "named": _dong(answer.amount)}
        yield Event("alarm", "kbnn.watch_other_amount", code, amounts, str(answer.amount))


def _unusual(one: Listed, rules: WatchRules, now: datetime) -> Iterable[Event]:
    """Judge one sent dossier by its amount, by being cash, and by the time it was sent."""
    sent = next((line for line in one.state.history if line.get("event") == "sending"), None)
    if sent is None:
        return
    total = one.total or 0
    about: dict[str, object] = {"title": one.title, "amount": _dong(total)}
    if rules.amount is not None and total > rules.amount:
        yield Event("alarm", "kbnn.watch_amount", one.state.code, {**about, "limit": _dong(rules.amount)})
    if one.cash and rules.cash is not None and total >= rules.cash:
        yield Event("alarm", "kbnn.watch_cash", one.state.code, {**about, "limit": _dong(rules.cash)})
    try:
        moment = datetime.fromisoformat(str(sent.get("time"))).astimezone(VIETNAM_TIME)
    except ValueError:
        moment = now
    if is_unusual(moment, rules):
        yield Event("alarm", "kbnn.watch_hours", one.state.code, {**about, "time": _moment(moment)})


def _logins(root: Path, rules: WatchRules) -> Iterable[Event]:
    for login in login_log.recent(root):
        about: dict[str, object] = {"name": login.username, "computer": login.computer, "purpose": login.purpose}
        try:
            moment = datetime.fromisoformat(login.time)
        except ValueError:
            continue
        about["time"] = _moment(moment)
        if login.outcome != "ok":
            yield Event("alarm", "kbnn.watch_login_refused", "-", {**about, "outcome": login.outcome}, login.time)
        elif login.purpose != PURPOSE and is_unusual(moment, rules):
            yield Event("alarm", "kbnn.watch_login_hours", "-", about, login.time)


def is_unusual(moment: datetime, rules: WatchRules) -> bool:
    """Tell whether a time lies outside working hours, in Vietnam's zone."""
    local = moment.astimezone(VIETNAM_TIME)
    weekend = local.weekday() >= 5 and not rules.weekends
    return weekend or not rules.opens_at <= local.time() <= rules.closes_at


def _strangers(gateway: GatewayClient, known: set[str], rules: WatchRules) -> Iterable[Event]:
    """Ask for the codes that would come next; whoever knows one of them knows a dossier we did not make."""
    highest: dict[str, int] = {}
    for code in known:
        match = re.fullmatch(r"(.+_\d{4})(\d{5})", code, re.ASCII)
        if match:
            highest[match[1]] = max(highest.get(match[1], 0), int(match[2]))
    asked = [
        f"{stem}{number + offset:05}"
        for stem, number in sorted(highest.items())
        for offset in range(1, rules.probe + 1)
        if number + offset <= 99_999
    ][:_ASKED_AT_ONCE]
    answers: Sequence[StatusAnswer] = gateway.status(asked) if asked else ()
    for answer in answers:
        if answer.state != "unknown" and answer.code in asked and answer.words:
            amount = "-" if answer.amount is None else _dong(answer.amount)
            about: dict[str, object] = {
                "title": answer.title,
                "words": answer.words,
                "time": answer.time,
                "amount": amount,
            }
            yield Event("alarm", "kbnn.watch_stranger", answer.code, about)


def _dong(amount: int) -> str:
    return f"{amount:,}".replace(",", ".")


def _moment(moment: datetime) -> str:
    return moment.astimezone(VIETNAM_TIME).strftime("%d/%m/%Y %H:%M:%S")


def _seen(root: Path) -> set[str]:
    try:
        raw: Any = json.loads((root / _SEEN_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return set()
    except (OSError, ValueError) as cause:
        raise InputRefused("kbnn.state_unreadable", name=str(root / _SEEN_FILE)) from cause
    return {str(item) for item in raw} if isinstance(raw, list) else set()


def _keep_seen(root: Path, seen: set[str]) -> None:
    from kyso.update.files import write_output

    write_output(root / _SEEN_FILE, (json.dumps(sorted(seen)).encode(),), overwrite=True)
