"""Verifications to put into words."""

from __future__ import annotations

from pathlib import Path

import pytest

from kyso.demo.pki import DemoPki
from kyso.verification.report import VerificationReport
from kyso.verification.settings import VerificationSettings
from kyso.verification.verify import verify_document
from tests.vectors.making import add_annotation, annotation, sign, signer_of, update, verify


@pytest.fixture(scope="session")
def two_signatures(letter_pdf: bytes, pki: DemoPki) -> bytes:
    """The letter with the leader's signature and the seal."""
    return sign(sign(letter_pdf, signer_of(pki)), signer_of(pki, "seal"), "Seal", box=(300, 80, 400, 180))


@pytest.fixture(scope="session")
def valid_report(two_signatures: bytes, pki: DemoPki) -> VerificationReport:
    """A valid letter with two signatures."""
    return verify(two_signatures, pki)


@pytest.fixture(scope="session")
def untrusted_report(two_signatures: bytes, pki: DemoPki) -> VerificationReport:
    """The same letter with nobody's root trusted."""
    return verify_document(two_signatures, VerificationSettings())


@pytest.fixture(scope="session")
def annotated_file(two_signatures: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The letter with a note added over page 1 after signing."""
    path = tmp_path_factory.mktemp("annotated") / "annotated.pdf"
    path.write_bytes(update(two_signatures, lambda writer: add_annotation(writer, annotation("/FreeText"))))
    return path


@pytest.fixture(scope="session")
def annotated_report(annotated_file: Path, pki: DemoPki) -> VerificationReport:
    """Its verification."""
    return verify(annotated_file, pki)
