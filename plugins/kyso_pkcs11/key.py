"""A key on a token: opened without a PIN, logged in at the first signature, and then for the whole batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from kyso.cms.values import value_matches
from kyso.models import DigestName, SchemeName
from kyso.plugin import ConfigWrong, DigestToSign, KeyAccess, KeyTrouble, Pending, Secret, Signed, WrongUse
from kyso_pkcs11.mechanisms import Block, PublicKey, block_for, finished_value, schemes_of
from kyso_pkcs11.module_process import ModuleProcess
from kyso_pkcs11.pin import STATE_FIELDS, Deadlines, RejectedPins, about_token, log_in
from kyso_pkcs11.selection import Token, TokenCertificate

_LASTING = frozenset(
    {"pkcs11.signing_pin_wrong", "pkcs11.pin_locked", "pkcs11.cancelled", "pkcs11.token_removed", "pkcs11.logged_out"}
)
"""After these a key signs nothing more until it is opened again: whether to spend another try is a person's decision,
and a token that was pulled out says the same of every further letter instead of something else of each."""


class TokenKey:
    """Signs digests with a private key that never leaves its token. Calls from several threads take turns."""

    def __init__(
        self,
        process: ModuleProcess,
        found: TokenCertificate,
        chain: tuple[bytes, ...],
        access: KeyAccess,
        rejected: RejectedPins,
        deadlines: Deadlines,
        forget: Callable[[ModuleProcess], None],
    ) -> None:
        self._process = process
        self._found = found
        self._chain = chain
        self._access = access
        self._rejected = rejected
        self._deadlines = deadlines
        self._forget = forget
        self._lock = threading.RLock()
        self._public_key = _public_key(found)
        try:
            state = process.call("state", deadlines.call_s, wanted=STATE_FIELDS, slot_id=found.token.slot_id)
        except KeyTrouble as trouble:
            raise about_token(trouble, found.token) from None
        self._mechanisms = frozenset(state["mechanisms"])
        self._pinpad = "pinpad" in state["flags"]
        self._schemes = schemes_of(self._public_key, self._mechanisms)
        if not self._schemes:
            raise KeyTrouble("pkcs11.no_mechanism", token=found.token.label)
        self._separate_signing_pin = _signing_pin_option(access)
        self._handle: int | None = None
        self._always_authenticate = False
        self._signing_pin: Secret | None = None
        self._kept_signing_pin: Secret | None = None
        self._given_up: KeyTrouble | None = None
        self._given_up_at: float | None = None
        self._made = 0
        self._closed = False

    @property
    def certificate(self) -> bytes:
        """The signer's certificate, DER."""
        return self._found.der

    @property
    def chain(self) -> tuple[bytes, ...]:
        """CA certificates found on the token, nearest first."""
        return self._chain

    @property
    def schemes(self) -> tuple[tuple[SchemeName, DigestName], ...]:
        """What the token can make with this key, preferred first."""
        return self._schemes

    @property
    def given_up_at(self) -> float | None:
        """When the key stopped working for good."""
        return self._given_up_at

    def _give_up(self, trouble: KeyTrouble) -> None:
        self._given_up = trouble
        self._given_up_at = time.monotonic()

    @property
    def batch_limit(self) -> int | None:
        """A token signs as long as it is plugged in."""
        return None

    def sign(self, digests: Sequence[DigestToSign], scheme: SchemeName) -> Signed:
        """Sign every digest; the PIN is asked before the first one and not again.

        :raises KeyTrouble: PIN, token or module; where signatures were made already, the error says how many.
        """
        blocks = [
            block_for(digest.value, digest.digest, scheme, self._public_key, self._mechanisms) for digest in digests
        ]
        with self._lock:
            if self._given_up is not None:
                raise self._given_up
            self._ready()
            values: list[bytes] = []
            for group in _groups(blocks):
                values += self._sign_group(group, done=len(values), total=len(blocks))
        for digest, value in zip(digests, values, strict=True):
            if not value_matches(self._found.der, value, digest.value, scheme, digest.digest):
                raise KeyTrouble("pkcs11.key_mismatch", token=self._found.token.label)
        return Signed(tuple(values))

    def unlock(self) -> None:
        """Log in and find the private key now instead of at the first signature.

        :raises KeyTrouble: PIN, token or module.
        """
        with self._lock:
            if self._given_up is not None:
                raise self._given_up
            self._ready()

    def poll(self, ticket: str) -> Signed | Pending:
        """A token answers at once; there is nothing to poll."""
        raise WrongUse("pkcs11.no_ticket", ticket=ticket)

    def close(self) -> None:
        """Log out when this was the token's last open key, and end the module's process after its last key."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._signing_pin = None
            try:
                if self._handle is not None and self._process.alive:
                    self._process.call("release", self._deadlines.call_s, key=self._handle)
            finally:
                self._forget(self._process)

    def _ready(self) -> None:
        """Log in and find the private key, unless that was done."""
        if self._closed:
            raise KeyTrouble("pkcs11.session_closed", module=str(self._process.module.path))
        if self._handle is not None:
            return
        token = self._found.token
        try:
            pin = log_in(self._process, token, self._access, self._rejected, self._deadlines)
        except KeyTrouble as trouble:
            if self._pinpad:
                # The device would ask again for every letter of a batch; one refusal is an answer.
                self._give_up(trouble)
            raise
        key = self._find_key(token)
        self._always_authenticate = bool(key["always_authenticate"])
        if self._always_authenticate and not self._pinpad:
            self._signing_pin = self._ask_signing_pin(pin)
        self._handle = int(key["key"])

    def _find_key(self, token: Token) -> dict[str, Any]:
        try:
            return self._process.call(
                "find_key",
                self._deadlines.call_s,
                wanted={"key": int, "always_authenticate": bool},
                slot_id=token.slot_id,
                id=self._found.id.hex(),
                label=self._found.label,
                modulus=_modulus(self._public_key),
                kind="RSA" if isinstance(self._public_key, rsa.RSAPublicKey) else "EC",
            )
        except KeyTrouble as trouble:
            raise about_token(trouble, token) from None

    def _ask_signing_pin(self, login_pin: Secret | None) -> Secret:
        """Return the PIN for CKU_CONTEXT_SPECIFIC: the login PIN, or the key's own where the config says so."""
        token = self._found.token
        if login_pin is not None and not self._separate_signing_pin:
            return login_pin
        # No flag tells how many tries a signing PIN has left; a kept one that is wrong is forgotten at once.
        self._kept_signing_pin = self._access.stored.get("signing")
        pin = self._kept_signing_pin or self._access.ask_secret("pkcs11.prompt_signing_pin", {"token": token.label})
        self._rejected.refuse(token, "signing", pin)
        return pin

    def _sign_group(self, blocks: list[Block], done: int, total: int) -> list[bytes]:
        person = self._always_authenticate and self._pinpad
        values: list[bytes] = []
        try:
            for answer in self._process.stream(
                "sign",
                self._deadlines.person_s if person else self._deadlines.call_s,
                len(blocks),
                key=self._handle,
                mechanism=blocks[0].mechanism,
                parameter=blocks[0].parameter,
                blocks=[block.data.hex() for block in blocks],
                pin=self._signing_pin.reveal() if self._signing_pin is not None else None,
            ):
                values.append(finished_value(bytes.fromhex(str(answer.get("value"))), self._public_key))
                self._made += 1
        except ValueError:
            # What is not hexadecimal is no signature; whoever damaged it, nothing is used.
            raise KeyTrouble("pkcs11.key_mismatch", token=self._found.token.label) from None
        except KeyTrouble as trouble:
            raise self._stopped(trouble, done + len(values), total) from None
        return values

    def _stopped(self, trouble: KeyTrouble, done: int, total: int) -> KeyTrouble:
        if trouble.code == "pkcs11.signing_pin_wrong":
            if self._signing_pin is not None:
                self._rejected.add(self._found.token, "signing", self._signing_pin)
            if self._kept_signing_pin is not None:
                self._access.stored.reject("signing")
            self._signing_pin = None
            self._handle = None
        stopped = about_token(trouble, self._found.token, done, total, self._made)
        if trouble.code in _LASTING or not self._process.alive:
            self._give_up(stopped)
        return stopped


def _groups(blocks: list[Block]) -> list[list[Block]]:
    """Split into runs of one mechanism; nearly always there is one run."""
    groups: list[list[Block]] = []
    for block in blocks:
        if groups and (groups[-1][0].mechanism, groups[-1][0].parameter) == (block.mechanism, block.parameter):
            groups[-1].append(block)
        else:
            groups.append([block])
    return groups


def _public_key(found: TokenCertificate) -> PublicKey:
    key = found.certificate.public_key()
    if isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
        return key
    raise KeyTrouble("pkcs11.key_kind", token=found.token.label, kind=type(key).__name__)


def _modulus(key: PublicKey) -> str:
    if not isinstance(key, rsa.RSAPublicKey):
        return ""
    modulus = key.public_numbers().n
    return modulus.to_bytes((modulus.bit_length() + 7) // 8, "big").hex()


def _signing_pin_option(access: KeyAccess) -> bool:
    option = access.key_options.get("signing_pin", "same")
    if option not in ("same", "separate"):
        raise ConfigWrong("pkcs11.signing_pin_setting", value=option)
    return bool(option == "separate")
