"""Signed letters that the attacks start from, made once."""

from __future__ import annotations

import pytest
from pyhanko.sign import fields

from kyso.demo.pki import DemoPki
from tests.vectors.making import sign, signer_of


@pytest.fixture(scope="session")
def signed(letter_pdf: bytes, pki: DemoPki) -> bytes:
    """The letter with the leader's visible signature."""
    return sign(letter_pdf, signer_of(pki))


@pytest.fixture(scope="session")
def signed_twice(signed: bytes, pki: DemoPki) -> bytes:
    """The letter with the leader's signature and the organisation's seal."""
    return sign(signed, signer_of(pki, "seal"), "Seal", box=(240, 80, 340, 180))


@pytest.fixture(scope="session")
def certified(letter_pdf: bytes, pki: DemoPki) -> bytes:
    """The letter certified by the leader; filling in forms and signing is permitted (DocMDP 2)."""
    return sign(letter_pdf, signer_of(pki), certify=fields.MDPPerm.FILL_FORMS)


@pytest.fixture(scope="session")
def certified_for_notes(letter_pdf: bytes, pki: DemoPki) -> bytes:
    """The letter certified by the leader; notes are permitted too (DocMDP 3)."""
    return sign(letter_pdf, signer_of(pki), certify=fields.MDPPerm.ANNOTATE)
