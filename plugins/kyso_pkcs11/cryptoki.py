"""The PKCS#11 calls themselves, made inside the worker process with python-pkcs11.

Everything here runs beside a vendor's native code: it may crash, hang or corrupt memory at any call. Sessions are
read-only (some vendors' modules refuse CKF_RW_SESSION, and signing needs none). A PIN is given to the token exactly
once per login; this module never repeats a login by itself.

References are to PKCS #11 version 3.1 (OASIS).
"""

from __future__ import annotations

import os
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, TokenFlag

from kyso_pkcs11.library_file import native_architecture, native_bits, native_format, read_library_file

_CERTIFICATE_CAP = 64
_FLAGS = {
    "login_required": TokenFlag.LOGIN_REQUIRED,
    "pin_set": TokenFlag.USER_PIN_INITIALIZED,
    "pinpad": TokenFlag.PROTECTED_AUTHENTICATION_PATH,
    "pin_count_low": TokenFlag.USER_PIN_COUNT_LOW,
    "pin_final_try": TokenFlag.USER_PIN_FINAL_TRY,
    "pin_locked": TokenFlag.USER_PIN_LOCKED,
    "pin_to_be_changed": TokenFlag.USER_PIN_TO_BE_CHANGED,
}
_SIGNING_MECHANISMS = {
    "RSA_PKCS": Mechanism.RSA_PKCS,
    "RSA_PKCS_PSS": Mechanism.RSA_PKCS_PSS,
    "RSA_X_509": Mechanism.RSA_X_509,
    "ECDSA": Mechanism.ECDSA,
}
_PSS_PARAMETERS = {
    "sha256": (Mechanism.SHA256, pkcs11.MGF.SHA256, 32),
    "sha384": (Mechanism.SHA384, pkcs11.MGF.SHA384, 48),
    "sha512": (Mechanism.SHA512, pkcs11.MGF.SHA512, 64),
}
_GONE = (
    pkcs11.DeviceRemoved,
    pkcs11.TokenNotPresent,
    pkcs11.SessionHandleInvalid,
    pkcs11.SessionClosed,
    pkcs11.DeviceError,
)


class Failure(Exception):
    """A cause with a name, for the application's catalogues."""

    def __init__(self, code: str, **parameters: object) -> None:
        super().__init__(code)
        self.code = code
        self.parameters = parameters


def name_of(error: BaseException) -> str:
    """Name a PKCS#11 error for support: the class that python-pkcs11 gives a return value, or its number."""
    return str(error) if type(error) is pkcs11.PKCS11Error and str(error) else type(error).__name__


class Cryptoki:
    """One loaded module, its open tokens and keys. Not thread-safe: the worker calls it from one thread."""

    def __init__(self, path: str) -> None:
        _refuse_foreign(path)
        try:
            self._library: Any = pkcs11.lib(path)
        except pkcs11.PKCS11Error as cause:
            detail = str(cause)
            # p11_open fails in one of two ways: the loader's, or a missing C_GetFunctionList (2.40, 5.4).
            if "C_GetFunctionList" in detail:
                raise Failure("pkcs11.module_not_pkcs11", module=path) from cause
            raise Failure("pkcs11.module_load_failed", module=path, detail=detail or name_of(cause)) from cause
        self._tokens: dict[int, Any] = {}
        self._anonymous: dict[int, Any] = {}
        self._sessions: dict[int, Any] = {}
        self._keys: dict[int, tuple[int, Any, bool]] = {}
        self._next_key = 1

    def library(self) -> dict[str, Any]:
        """Return what the module says about itself."""
        major, minor = self._library.library_version
        return {
            "manufacturer": self._library.manufacturer_id,
            "description": self._library.library_description,
            "version": f"{major}.{minor}",
        }

    def inventory(self) -> list[dict[str, Any]]:
        """Return every slot with a token: the token, its flags, mechanisms and public certificates. No login."""
        return [self._slot(slot) for slot in self._library.get_slots(token_present=True)]

    def _slot(self, slot: Any) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "slot_id": slot.slot_id,
            "description": slot.slot_description,
            "manufacturer": slot.manufacturer_id,
            "certificates": [],
            "trouble": None,
        }
        try:
            token = slot.get_token()
        except pkcs11.PKCS11Error as cause:
            return entry | {"trouble": name_of(cause)}
        entry |= {
            "token": token.label,
            "serial": token.serial.decode("utf-8", "replace").rstrip("\0 "),
            "token_manufacturer": token.manufacturer_id,
            "model": token.model,
            "initialized": bool(token.flags & TokenFlag.TOKEN_INITIALIZED),
            "flags": self._flags(token),
        }
        if not entry["initialized"]:
            return entry
        self._tokens[slot.slot_id] = token
        try:
            entry["certificates"] = self._certificates(slot.slot_id)
        except pkcs11.PKCS11Error as cause:
            entry["trouble"] = name_of(cause)
        return entry

    def _flags(self, token: Any) -> list[str]:
        return [name for name, flag in _FLAGS.items() if token.flags & flag]

    def _session(self, slot_id: int) -> Any:
        """Return the token's session: the logged-in one where there is one, else one without login."""
        if slot_id in self._sessions:
            return self._sessions[slot_id]
        if slot_id not in self._anonymous:
            self._anonymous[slot_id] = self._token(slot_id).open(rw=False)
        return self._anonymous[slot_id]

    def _token(self, slot_id: int) -> Any:
        if slot_id not in self._tokens:
            raise Failure("pkcs11.token_removed")
        return self._tokens[slot_id]

    def _certificates(self, slot_id: int) -> list[dict[str, str]]:
        certificates = []
        for found in self._session(slot_id).get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE}):
            value = _attribute(found, Attribute.VALUE)
            if not isinstance(value, bytes) or not value:
                continue
            certificates.append(
                {
                    "der": value.hex(),
                    "id": (_attribute(found, Attribute.ID) or b"").hex(),
                    "label": str(_attribute(found, Attribute.LABEL) or ""),
                }
            )
            if len(certificates) == _CERTIFICATE_CAP:
                break
        return certificates

    def state(self, slot_id: int) -> dict[str, Any]:
        """Return the token's flags as they are now, its mechanisms, and whether this process is logged in."""
        # C_GetTokenInfo (5.5.6): the PIN flags change with every try, a remembered value would burn the last one.
        try:
            token = self._token(slot_id).slot.get_token()
            mechanisms = {getattr(mechanism, "name", "") for mechanism in token.slot.get_mechanisms()}
        except _GONE as cause:
            raise Failure("pkcs11.token_removed") from cause
        known = self._tokens[slot_id]
        if (token.label, token.serial) != (known.label, known.serial):
            raise Failure("pkcs11.token_removed")
        return {
            "flags": self._flags(token),
            "mechanisms": sorted(mechanisms & set(_SIGNING_MECHANISMS)),
            "logged_in": slot_id in self._sessions,
        }

    def login(self, slot_id: int, pin: str | None) -> None:
        """Log in once with `pin`, or through the token's own PIN pad when it is ``None`` (C_Login, 5.6.8)."""
        if slot_id in self._sessions:
            return
        token = self._token(slot_id)
        try:
            self._sessions[slot_id] = token.open(rw=False, user_pin=pkcs11.PROTECTED_AUTH if pin is None else pin)
        except pkcs11.UserAlreadyLoggedIn:
            # Login state belongs to the token and the process (5.6.8), so a plain session is logged in as well.
            self._sessions[slot_id] = token.open(rw=False)
        except pkcs11.PKCS11Error as cause:
            raise _login_failure(cause) from cause

    def find_key(self, slot_id: int, identifier: str, label: str, modulus: str, kind: str) -> dict[str, Any]:
        """Find the private key of a certificate: by CKA_ID, then by modulus, then by label.

        :param identifier: CKA_ID of the certificate, hexadecimal; may be empty.
        :param modulus: RSA modulus of the certificate, hexadecimal without leading zeros; empty for EC.
        :param kind: ``RSA`` or ``EC``.
        """
        key_type = KeyType.RSA if kind == "RSA" else KeyType.EC
        template: dict[Any, Any] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.KEY_TYPE: key_type}
        try:
            keys = list(self._session(slot_id).get_objects(template))
        except _GONE as cause:
            raise Failure("pkcs11.token_removed") from cause
        candidates = [key for key in keys if identifier and (_attribute(key, Attribute.ID) or b"").hex() == identifier]
        if len(candidates) != 1 and modulus:
            candidates = [
                key for key in keys if (_attribute(key, Attribute.MODULUS) or b"").lstrip(b"\0").hex() == modulus
            ]
        if len(candidates) != 1 and label:
            candidates = [key for key in keys if _attribute(key, Attribute.LABEL) == label]
        if len(candidates) != 1 and len(keys) == 1:
            candidates = keys
        if len(candidates) != 1:
            raise Failure("pkcs11.key_not_found", keys=len(keys))
        key = candidates[0]
        always = bool(_attribute(key, Attribute.ALWAYS_AUTHENTICATE))
        handle, self._next_key = self._next_key, self._next_key + 1
        self._keys[handle] = (slot_id, key, always)
        return {"key": handle, "always_authenticate": always}

    def sign(self, handle: int, mechanism: str, parameter: str, data: bytes, pin: str | None) -> bytes:
        """Sign one block (C_SignInit and C_Sign, 5.13).

        :param parameter: digest name for RSA_PKCS_PSS, else empty.
        :param pin: for a key with CKA_ALWAYS_AUTHENTICATE: the PIN of this signature, empty for a PIN pad.
        """
        if handle not in self._keys:
            raise Failure("pkcs11.token_removed")
        _, key, always = self._keys[handle]
        extra: dict[str, Any] = {"mechanism_param": _PSS_PARAMETERS[parameter]} if parameter else {}
        if always:
            extra["pin"] = pin or ""
        try:
            return bytes(key.sign(data, mechanism=_SIGNING_MECHANISMS[mechanism], **extra))
        except _GONE as cause:
            raise Failure("pkcs11.token_removed") from cause
        except pkcs11.PinLocked as cause:
            raise Failure("pkcs11.pin_locked") from cause
        except (pkcs11.PinIncorrect, pkcs11.PinLenRange, pkcs11.PinInvalid) as cause:
            raise Failure("pkcs11.signing_pin_wrong") from cause
        except pkcs11.FunctionCancelled as cause:
            raise Failure("pkcs11.cancelled") from cause
        except pkcs11.UserNotLoggedIn as cause:
            raise Failure("pkcs11.logged_out") from cause
        except pkcs11.PKCS11Error as cause:
            raise Failure("pkcs11.failed", call="C_Sign", error=name_of(cause)) from cause

    def release(self, handle: int) -> None:
        """Forget a key; the token is logged out when its last key is forgotten."""
        slot_id, _, _ = self._keys.pop(handle, (None, None, None))
        if slot_id is None or any(other == slot_id for other, _, _ in self._keys.values()):
            return
        session = self._sessions.pop(slot_id, None)
        if session is not None:
            try:
                session.close()
            except pkcs11.PKCS11Error as cause:
                raise Failure("pkcs11.failed", call="C_Logout", error=name_of(cause)) from cause


def _attribute(found: Any, attribute: Any) -> Any:
    """Return an attribute, or ``None`` where the token does not have it or will not say."""
    try:
        return found[attribute]
    except (pkcs11.PKCS11Error, KeyError, ValueError, UnicodeDecodeError):
        return None


def _login_failure(cause: pkcs11.PKCS11Error) -> Failure:
    if isinstance(cause, (pkcs11.PinIncorrect, pkcs11.PinInvalid)):
        return Failure("pkcs11.pin_wrong")
    if isinstance(cause, pkcs11.PinLenRange):
        return Failure("pkcs11.pin_length")
    if isinstance(cause, pkcs11.PinLocked):
        return Failure("pkcs11.pin_locked")
    if isinstance(cause, pkcs11.PinExpired):
        return Failure("pkcs11.pin_expired")
    if isinstance(cause, pkcs11.UserPinNotInitialized):
        return Failure("pkcs11.pin_not_set")
    if isinstance(cause, (pkcs11.FunctionCancelled, pkcs11.FunctionRejected)):
        return Failure("pkcs11.cancelled")
    if isinstance(cause, _GONE):
        return Failure("pkcs11.token_removed")
    return Failure("pkcs11.failed", call="C_Login", error=name_of(cause))


def _refuse_foreign(path: str) -> None:
    from pathlib import Path

    try:
        library = read_library_file(Path(path))
    except OSError as cause:
        raise Failure("pkcs11.module_missing", module=path) from cause
    if library is None:
        raise Failure("pkcs11.module_not_library", module=path)
    if library.format != native_format():
        raise Failure("pkcs11.module_foreign", module=path, built_for=library.format, here=native_format())
    architectures = [architecture for architecture, _ in library.machines]
    if native_architecture() in architectures or not architectures:
        return
    bits = library.machines[0][1]
    if bits and bits != native_bits():
        raise Failure("pkcs11.module_bitness", module=path, module_bits=bits, python_bits=native_bits())
    raise Failure("pkcs11.module_foreign", module=path, built_for=architectures, here=native_architecture())


def silence_module_output() -> None:
    """Send what native code prints to nowhere: the real standard output is the pipe of the protocol."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
