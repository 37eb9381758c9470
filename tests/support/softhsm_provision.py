"""Fills SoftHSM tokens; run as a program of its own, because SoftHSM reads its configuration once per process.

Standard input: ``{"module": ..., "tokens": [{"label", "pin", "objects": [{"id", "label", "key", "certificates"}]}]}``
with DER in hexadecimal.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, ObjectClass
from pkcs11.util.ec import decode_ec_private_key
from pkcs11.util.rsa import decode_rsa_private_key
from pkcs11.util.x509 import decode_x509_certificate


def main() -> None:
    order = json.load(sys.stdin)
    library = pkcs11.lib(order["module"])
    for token_order in order["tokens"]:
        token = library.get_token(token_label=token_order["label"])
        with token.open(rw=True, user_pin=token_order["pin"]) as session:
            for entry in token_order["objects"]:
                _store(session, entry)


def _store(session: Any, entry: dict[str, Any]) -> None:
    identifier = bytes.fromhex(entry["id"])
    if entry.get("key"):
        der = bytes.fromhex(entry["key"])
        decode = decode_rsa_private_key if entry["kind"] == "RSA" else decode_ec_private_key
        attributes = decode(der)
        attributes |= {
            Attribute.TOKEN: True,
            Attribute.PRIVATE: True,
            Attribute.SENSITIVE: True,
            Attribute.SIGN: True,
            Attribute.ID: identifier,
            Attribute.LABEL: entry["label"],
            Attribute.CLASS: ObjectClass.PRIVATE_KEY,
            Attribute.KEY_TYPE: KeyType.RSA if entry["kind"] == "RSA" else KeyType.EC,
        }
        session.create_object(attributes)
    for certificate in entry["certificates"]:
        attributes = decode_x509_certificate(bytes.fromhex(certificate))
        attributes |= {
            Attribute.TOKEN: True,
            Attribute.ID: identifier,
            Attribute.LABEL: entry["label"],
            Attribute.PRIVATE: bool(entry.get("hidden")),
        }
        session.create_object(attributes)


if __name__ == "__main__":
    main()
