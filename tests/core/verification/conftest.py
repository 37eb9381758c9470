"""A signed letter for the verdicts."""

from __future__ import annotations

import pytest

from kyso.demo.pki import DemoPki
from tests.vectors.making import sign, signer_of


@pytest.fixture(scope="session")
def signed(letter_pdf: bytes, pki: DemoPki) -> bytes:
    """The letter with the leader's visible signature."""
    return sign(letter_pdf, signer_of(pki))
