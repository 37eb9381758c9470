"""How requests to the gateway are written: the hash of rule VI, and a form with one file that tells how far it is."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable
from io import BytesIO

from kyso.plugin import InputRefused, RemoteFailed
from kyso_kbnn.profile import Profile
from kyso_kbnn.reading import parse_json

BytesSent = Callable[[int, int], None]
"""Told while a body goes out: (bytes handed to the connection, bytes in all)."""


def hashed_data(body: bytes, salt_token: str, profile: Profile) -> str:
    """Return Hashed-Data by rule VI: hex(SHA-256(body + salt)), the salt from the payload of the Salt-Token.

    :raises RemoteFailed: the token is no JWT, or has not the claim the profile names.
    """
    parts = salt_token.split(".")
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        salt = payload.decode("utf-8")
    except (IndexError, binascii.Error, ValueError) as cause:
        raise RemoteFailed("kbnn.salt_unreadable") from cause
    if profile.gateway.salt == "claim":
        try:
            claims = parse_json(payload, "Salt-Token")
            salt = str(claims[profile.gateway.salt_claim])
        except (InputRefused, KeyError, TypeError) as cause:
            raise RemoteFailed("kbnn.salt_unreadable") from cause
    value = hashlib.sha256(body + salt.encode("utf-8")).hexdigest()
    return value.upper() if profile.gateway.hash_case == "upper" else value


class FileForm(BytesIO):
    """A form with one PDF (RFC 7578), read by the connection piece by piece.

    A name with quotes or line breaks cannot break out of its header.

    :param told: hears how many bytes the connection has taken; what a proxy has passed on nobody can see.
    """

    def __init__(self, field: str, name: str, data: bytes, told: BytesSent | None = None) -> None:
        boundary = secrets.token_hex(16)
        safe = "".join("_" if sign in '"\\\r\n' or not sign.isprintable() else sign for sign in name)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{safe}"\r\n'
        head += "Content-Type: application/pdf\r\n\r\n"
        super().__init__(head.encode("utf-8") + data + f"\r\n--{boundary}--\r\n".encode("ascii"))
        self.size = len(self.getbuffer())
        self._told = told
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            # Spelt out, or the transport would send in chunks, which not every gateway takes.
            "Content-Length": str(self.size),
        }

    def read(self, size: int | None = -1, /) -> bytes:
        """Give the next piece, and tell."""
        piece = super().read(size)
        if piece and self._told is not None:
            self._told(self.tell(), self.size)
        return piece
