"""Spending a PIN: once, knowingly, and never the same wrong one twice.

A token counts wrong PINs and locks for good. So the token's flags are read before a person is asked, the last try is
refused unless the person allowed it, and a PIN that a token rejected is remembered for the life of this process (as a
keyed hash) and not sent to that token again: a batch with a wrong PIN in the environment costs one try, not all.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Literal

from kyso.plugin import KeyAccess, KeyTrouble, Notice, Secret
from kyso_pkcs11.module_process import ModuleProcess
from kyso_pkcs11.selection import Token

STATE_FIELDS: dict[str, type] = {"flags": list, "mechanisms": list, "logged_in": bool}
"""What a worker's answer about a token's state must have."""

_FEW_TRIES = frozenset({"pin_count_low", "pin_final_try"})
_WRONG = frozenset({"pkcs11.pin_wrong", "pkcs11.pin_length", "pkcs11.pin_locked", "pkcs11.pin_expired"})

PinKind = Literal["login", "signing"]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds allowed for calls.

    :param call_s: a call that only the machine works on.
    :param person_s: a call during which a person uses the device's own keys.
    """

    call_s: float = 30.0
    person_s: float = 120.0


class RejectedPins:
    """Remembers which PINs a token rejected, without keeping a PIN."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._rejected: set[bytes] = set()

    def _mark(self, token: Token, kind: PinKind, pin: Secret) -> bytes:
        text = "\0".join((token.manufacturer, token.label, token.serial, kind, pin.reveal()))
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._key).digest()

    def add(self, token: Token, kind: PinKind, pin: Secret) -> None:
        """Remember that `token` rejected `pin`."""
        self._rejected.add(self._mark(token, kind, pin))

    def refuse(self, token: Token, kind: PinKind, pin: Secret) -> None:
        """Refuse a PIN that cannot be right.

        :raises KeyTrouble: it is empty, or this token rejected it before.
        """
        if not pin:
            raise KeyTrouble("pkcs11.pin_empty", token=token.label)
        if self._mark(token, kind, pin) in self._rejected:
            raise KeyTrouble("pkcs11.pin_rejected_before", token=token.label)


def about_token(trouble: KeyTrouble, token: Token, done: int = 0, total: int = 0, made: int = 0) -> KeyTrouble:
    """Return a worker's error with what its words mention.

    :param done: how many of the request's `total` signatures were made, :param made: how many since the key was opened.
    """
    known: dict[str, object] = {"token": token.label, "done": done, "total": total, "made": made}
    return KeyTrouble(trouble.code, **{**trouble.parameters, **known})


def log_in(
    process: ModuleProcess, token: Token, access: KeyAccess, rejected: RejectedPins, deadlines: Deadlines
) -> Secret | None:
    """Log in to the token if it wants that and nobody is logged in yet.

    :returns: the PIN that was accepted, ``None`` where none was typed here.
    :raises KeyTrouble: locked, last try not allowed, wrong PIN, cancelled at the PIN pad.
    """
    try:
        state = process.call("state", deadlines.call_s, wanted=STATE_FIELDS, slot_id=token.slot_id)
    except KeyTrouble as trouble:
        raise about_token(trouble, token) from None
    flags = set(state["flags"])
    if state["logged_in"] or "login_required" not in flags:
        return None
    _refuse_by_flags(flags, token, access)
    kept: Secret | None = None
    if "pinpad" in flags:
        access.tell(Notice("pkcs11.pinpad_wait", {"token": token.label, "seconds": round(deadlines.person_s)}))
        pin = None
    else:
        # Where a wrong PIN could be the last one, a person types it.
        kept = None if flags & _FEW_TRIES else access.stored.get("login")
        pin = kept or access.ask_secret(_prompt(flags), {"token": token.label})
        rejected.refuse(token, "login", pin)
    try:
        process.call(
            "login",
            deadlines.person_s if pin is None else deadlines.call_s,
            slot_id=token.slot_id,
            pin=None if pin is None else pin.reveal(),
        )
    except KeyTrouble as trouble:
        if trouble.code in {"pkcs11.pin_wrong", "pkcs11.pin_length"} and pin is not None:
            rejected.add(token, "login", pin)
        if kept is not None and trouble.code in _WRONG:
            access.stored.reject("login")
        if trouble.code == "pkcs11.pin_wrong":
            raise _explained(process, token, deadlines) from None
        raise about_token(trouble, token) from None
    return pin


def _refuse_by_flags(flags: set[str], token: Token, access: KeyAccess) -> None:
    if "pin_locked" in flags:
        raise KeyTrouble("pkcs11.pin_locked", token=token.label)
    if "pin_set" not in flags:
        raise KeyTrouble("pkcs11.pin_not_set", token=token.label)
    if "pin_final_try" in flags and not access.last_try:
        raise KeyTrouble("pkcs11.pin_final_try", token=token.label)


def _prompt(flags: set[str]) -> str:
    if "pin_final_try" in flags:
        return "pkcs11.prompt_pin_final"
    return "pkcs11.prompt_pin_low" if "pin_count_low" in flags else "pkcs11.prompt_pin"


def _explained(process: ModuleProcess, token: Token, deadlines: Deadlines) -> KeyTrouble:
    """Return the error for a wrong PIN that says what is left of the tries, as far as the token tells."""
    try:
        flags = set(process.call("state", deadlines.call_s, wanted=STATE_FIELDS, slot_id=token.slot_id)["flags"])
    except KeyTrouble:
        # The module died right after the wrong PIN: the PIN is what the person must know about.
        flags = set()
    if "pin_locked" in flags:
        return KeyTrouble("pkcs11.pin_locked", token=token.label)
    if "pin_final_try" in flags:
        return KeyTrouble("pkcs11.pin_wrong_final", token=token.label)
    if "pin_count_low" in flags:
        return KeyTrouble("pkcs11.pin_wrong_low", token=token.label)
    return KeyTrouble("pkcs11.pin_wrong", token=token.label)
