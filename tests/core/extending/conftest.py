"""A timestamp authority under the demo's CA, and revocation lists that know its certificate."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from kyso.demo.pki import DemoPki, Identity, Subject, issue
from tests.core.extending.authority import Authority, serving

TSA = Subject("TEST TSA - Dấu thời gian THỬ NGHIỆM", "TEST")


@pytest.fixture(scope="session")
def tsa_identity(pki: DemoPki) -> Identity:
    """The authority's certificate and key."""
    return issue(
        pki.issuing,
        TSA,
        purposes=[x509.oid.ExtendedKeyUsageOID.TIME_STAMPING],
        not_before=datetime.now(UTC) - timedelta(days=300),
    )


@pytest.fixture
def authority(tsa_identity: Identity) -> Iterator[Authority]:
    """The authority, answering rightly."""
    with serving(tsa_identity) as running:
        yield running
