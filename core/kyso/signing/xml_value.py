"""What every XML signature here shares: algorithm names, the digest to sign before there is a value, the value's form.

signxml wants a private key; ours are elsewhere (a token, a remote service, another process). A :class:`Recorder`
stands in its place and keeps the canonical SignedInfo, which is what the key signs. This module needs neither lxml nor
signxml.
"""

from __future__ import annotations

from typing import Any, Final

from kyso.cms.values import load_certificate
from kyso.models import DigestName, SchemeName

SIGNATURE_METHODS: Final[dict[tuple[SchemeName, DigestName], str]] = {
    ("rsa-pkcs1v15", "sha256"): "RSA_SHA256",
    ("rsa-pkcs1v15", "sha384"): "RSA_SHA384",
    ("rsa-pkcs1v15", "sha512"): "RSA_SHA512",
    ("rsa-pss", "sha256"): "SHA256_RSA_MGF1",
    ("rsa-pss", "sha384"): "SHA384_RSA_MGF1",
    ("rsa-pss", "sha512"): "SHA512_RSA_MGF1",
    ("ecdsa", "sha256"): "ECDSA_SHA256",
    ("ecdsa", "sha384"): "ECDSA_SHA384",
    ("ecdsa", "sha512"): "ECDSA_SHA512",
}
"""Names of signxml's signature methods (RFC 6931) by scheme and digest."""


class Recorder:
    """Stands where signxml expects a private key, and keeps what it is asked to sign.

    :param certificate: the signer's, DER.
    """

    def __init__(self, certificate: bytes) -> None:
        self.signed_info = b""
        self.key_size: int = getattr(load_certificate(certificate).public_key(), "key_size", 0)

    def sign(self, data: bytes, *_: Any, **__: Any) -> bytes:
        """Keep `data`, and return a value of a form that signxml can write."""
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        self.signed_info = data
        return encode_dss_signature(1, 1)


def xml_value(value: bytes, scheme: SchemeName, certificate: bytes) -> bytes:
    """Return a signature value as XML signatures carry it: ECDSA as r || s (RFC 6931, 2.3.6), RSA as it is."""
    if scheme != "ecdsa":
        return value
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    size = (getattr(load_certificate(certificate).public_key(), "key_size", 256) + 7) // 8
    r, s = decode_dss_signature(value)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")
