"""SignMsg, Auth and VerifyMsg: a text or any octets with a CMS signature beside them (RFC 5652).

The signature always has signed attributes, and content that could itself be read as a set of signed attributes is
refused: without both, a signature over one thing could be presented as a signature over another.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kyso.cms.build import signed_attributes, signed_data
from kyso.cms.read import is_attribute_set
from kyso.plugin import DigestToSign, KeyTrouble, SigningRefused

if TYPE_CHECKING:
    from kyso.engine import Engine
    from kyso.models import DigestName, SchemeName
    from kyso.plugin import Key
    from kyso_desk.agent.keywork import KeyWork


def refuse_attributes(content: bytes, name: str) -> None:
    """Refuse content that could be a set of CMS attributes (rule 9 of the design), before anybody is asked.

    :raises SigningRefused: it could.
    """
    if is_attribute_set(content):
        raise SigningRefused("agent.content_is_attributes", name=name)


def sign_message(engine: Engine, work: KeyWork, key_name: str, content: bytes, name: str) -> bytes:
    """Return a detached CMS over `content`, DER.

    :raises SigningRefused: the content could be something else.
    :raises KysoError: the key or its certificate does not allow it.
    """
    refuse_attributes(content, name)
    moment = datetime.now(UTC)
    key, scheme, digest = opened_key(engine, key_name, moment)
    content_digest = hashlib.new(digest, content).digest()
    attributes = signed_attributes(content_digest, key.certificate, "pkcs7", moment)
    to_sign = DigestToSign(hashlib.new(digest, attributes).digest(), digest, name, content_digest.hex()[:32])
    value = work.sign_digest(key, to_sign, scheme)
    check_value(key.certificate, value, to_sign, scheme)
    return signed_data(attributes, value, (key.certificate, *_intermediates(key)), scheme, digest)


def opened_key(engine: Engine, name: str, moment: datetime) -> tuple[Key, SchemeName, DigestName]:
    """Open a key whose certificate may sign now, and choose how it signs.

    :raises KeyTrouble: it may not.
    """
    from kyso.signing.certificates import check_certificate, choose_scheme
    from kyso.signing.judgement import judge

    key = engine.key(name)
    check_certificate(key.certificate, moment)
    # What is only doubtful is told when the letter is verified; revoked and suspended certificates raise here.
    judge(key.certificate, key.chain, engine.config, moment)
    scheme, digest = choose_scheme(key, None, None)
    return key, scheme, digest


def check_value(certificate: bytes, value: bytes, signed: DigestToSign, scheme: SchemeName) -> None:
    """Check what a key answered before anything is made of it.

    :raises KeyTrouble: it is not the certificate's signature.
    """
    from kyso.cms.values import value_matches

    if not value_matches(certificate, value, signed.value, scheme, signed.digest):
        raise KeyTrouble("key.wrong_signature", name=signed.document_name)


def _intermediates(key: Key) -> tuple[bytes, ...]:
    from kyso.signing.certificates import is_self_issued

    return tuple(issuer for issuer in key.chain if not is_self_issued(issuer))
