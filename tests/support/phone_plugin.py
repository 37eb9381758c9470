"""A key whose owner confirms on a "phone": the folder in its URI, where a test puts the answer.

``phone:FOLDER`` signs with ``FOLDER/key.p12``; a request is kept as ``FOLDER/TICKET.json`` and answered once
``FOLDER/confirmed`` or ``FOLDER/declined`` exists, by whatever process asks.
"""

from __future__ import annotations

from pathlib import Path

SOURCE = """
import json
import secrets
from datetime import datetime, timedelta, UTC
from pathlib import Path

from kyso.plugin import Contribution, KeyTrouble, Pending, Signed, DigestToSign, Text, hookimpl


class Phone:
    def __init__(self, folder, access):
        from dataclasses import replace
        from kyso.secret import Secret
        from kyso_pfx.source import PfxSource

        self._folder = folder
        password = (folder / "password").read_text()
        silent = replace(access, ask_secret=lambda code, parameters: Secret(password))
        self._key = PfxSource().open(f"pfx:{folder / 'key.p12'}", silent)
        self.certificate, self.chain, self.schemes = self._key.certificate, self._key.chain, self._key.schemes
        self.batch_limit = 50

    def sign(self, digests, scheme):
        ticket = secrets.token_hex(4)
        asked = [[each.value.hex(), each.digest, each.document_name, each.document_id] for each in digests]
        (self._folder / f"{ticket}.json").write_text(json.dumps([scheme, asked]))
        return self._pending(ticket)

    def poll(self, ticket):
        if (self._folder / "declined").exists():
            raise KeyTrouble("key.needs_confirmation", name="phone")
        if not (self._folder / "confirmed").exists():
            return self._pending(ticket)
        scheme, asked = json.loads((self._folder / f"{ticket}.json").read_text())
        return self._key.sign([DigestToSign(bytes.fromhex(v), d, n, i) for v, d, n, i in asked], scheme)

    def _pending(self, ticket):
        return Pending(ticket, datetime.now(UTC) + timedelta(minutes=4), "key.needs_confirmation", {"name": "phone"})

    def close(self):
        self._key.close()


class PhoneSource:
    portable = False

    def open(self, uri, access):
        return Phone(Path(uri.partition(":")[2]), access)

    def read_certificate(self, uri, access):
        return None

    def list_keys(self, access):
        return ()


@hookimpl
def register_key_sources(register):
    register(Contribution("phone", Text("Điện thoại thử", "Test phone"), load=PhoneSource))
"""


def install(target: Path) -> Path:
    """Lay the plugin out in `target` as an installer does; `target` then goes on ``sys.path``."""
    (target / "kyso_test_phone.py").write_text(SOURCE, encoding="utf-8")
    info = target / "kyso_test_phone-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kyso-test-phone\nVersion: 1.0\n\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[kyso]\nphone = kyso_test_phone\n", encoding="utf-8")
    return target
