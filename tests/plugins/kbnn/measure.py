"""Measures the way from a dossier's JSON to signed envelopes: ``python -m tests.plugins.kbnn.measure [COUNT]``.

The time of the bare RSA operations is measured beside it, because it is most of the whole and differs by machine.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kyso.demo.pki import write_pki
from kyso.models import DigestToSign
from kyso_kbnn.authentication_data import write_authentication_data
from kyso_kbnn.envelope import ROLES
from kyso_kbnn.problems import refuse_errors
from kyso_kbnn.profile import default_profile
from kyso_kbnn.signing import sign_content
from kyso_kbnn.xml_schema import validate
from tests.plugins.kbnn.dossiers import judged, many_lines
from tests.plugins.kbnn.keys import key_of


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds for `count` dossiers of ten lines, and for the key operations in them alone."""

    count: int
    total_s: float
    rsa_s: float


def measure(count: int) -> Measured:
    """Read, complete, check, write, validate and sign `count` dossiers by two people, warm, on one core."""
    profile, raw, now = default_profile(), many_lines(10), datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        pki = write_pki(Path(folder))
    keys = {role: key_of(pki.identities[role]) for role in ROLES}

    def one() -> None:
        dossier, found = judged(raw, profile)
        refuse_errors(found, "dossier")
        content = write_authentication_data(dossier, profile)
        validate(content, profile)
        for role in ROLES:
            sign_content(content, role, keys[role], now, profile, document_name="TEST").to_xml(profile)

    one()
    started = time.perf_counter()
    for _ in range(count):
        one()
    total_s = time.perf_counter() - started
    digest = DigestToSign(bytes(32), "sha256", "TEST", "1")
    started = time.perf_counter()
    for _ in range(count):
        for role in ROLES:
            keys[role].sign([digest, digest], "rsa-pkcs1v15")
    return Measured(count, total_s, time.perf_counter() - started)


if __name__ == "__main__":
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    print(f"{found.count} dossiers of ten lines: {found.total_s:.2f} s, of which RSA {found.rsa_s:.2f} s (goal 6 s)")
