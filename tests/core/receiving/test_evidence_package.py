"""The evidence kept beside a letter: the very answers the verification went by, from whatever place they came."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kyso.extending.evidence import gather
from kyso.extending.kept_answers import KeptAnswers
from kyso.plugins import create_plugin_manager
from kyso.receiving.evidence_package import write_evidence
from kyso.receiving.values import Decision
from kyso.verification.answer_cache import AnswerCache
from kyso.verification.settings import VerificationSettings
from kyso.verification.verify import verify_document
from tests.core.receiving.conftest import Letters
from tests.core.verification.test_online import Office, letter, office, responder

__all__ = ["letter", "office", "responder"]  # fixtures


def package(path: Path, terms: VerificationSettings, folder: Path) -> dict[str, Any]:
    """Verify a letter, write its evidence, and return the status."""
    folder.mkdir()
    report = verify_document(path, terms)
    write_evidence(folder, path, report, Decision("accept", "x"), terms, create_plugin_manager())
    status: dict[str, Any] = json.loads((folder / "status.json").read_text(encoding="utf-8"))
    return status


@pytest.mark.parametrize("kind", ["ocsp", "crl"])
def test_fetched_answers_are_kept(office: Office, letter: bytes, tmp_path: Path, kind: str) -> None:
    """What a responder or a list server answered lies in the package; nothing is asked a second time."""
    if kind == "ocsp":
        office.responder.answers["/ocsp"] = office.ocsp()
    path = tmp_path / "letter.pdf"
    path.write_bytes(letter)
    terms = VerificationSettings(
        trust=(office.root_pem,), revocation="prefer", online=True, allow_private=True, cache=tmp_path / "cache"
    )
    status = package(path, terms, tmp_path / "evidence")
    (signature,) = status["signatures"]
    assert (signature["status"], signature["checked_with"]) == ("good", kind)
    (answer,) = status["revocation"]
    assert answer["kind"] == kind
    assert answer["this_update"]
    kept = (tmp_path / "evidence" / answer["file"]).read_bytes()
    assert kept in [file.read_bytes() for file in (tmp_path / "cache").iterdir()]
    # One question about the signer each; the issuing CA names no address, which is said.
    assert office.responder.asked.count(f"/{'ocsp' if kind == 'ocsp' else 'ca.crl'}") == 1
    assert "extending.no_revocation_data" in [entry["code"] for entry in status["missing"]]


def test_embedded_evidence_is_kept(office: Office, letter: bytes, tmp_path: Path) -> None:
    """What a letter carries in its own security store is kept apart from it too."""
    from kyso.extending.appending import append_store

    office.responder.answers["/ocsp"] = office.ocsp()
    path = tmp_path / "letter.pdf"
    path.write_bytes(letter)
    cache = tmp_path / "cache"
    online = VerificationSettings(
        trust=(office.root_pem,), revocation="prefer", online=True, allow_private=True, cache=cache
    )
    verify_document(path, online)
    data = gather(path, online, KeptAnswers(AnswerCache(cache)))
    assert data.ocsp
    carrying = tmp_path / "carrying.pdf"
    with carrying.open("w+b") as out:
        append_store(path, out, data, name=path.name, password=None)
    offline = replace(online, online=False, revocation="offline", cache=None)
    status = package(carrying, offline, tmp_path / "evidence")
    assert status["signatures"][0]["checked_with"] == "embedded"
    kept = {(tmp_path / "evidence" / entry["file"]).read_bytes() for entry in status["revocation"]}
    assert set(data.ocsp) <= kept
    assert len(status["certificates"]) >= 3


def test_unknown_is_said(letters: Letters, tmp_path: Path) -> None:
    """Without roots and lists the package says what is missing instead of leaving it out."""
    status = package(letters.signed, VerificationSettings(), tmp_path / "evidence")
    assert status["verdict"] == "undetermined"
    assert status["signatures"][0]["status"] == "unknown"
    assert status["revocation"] == []
    assert {entry["code"] for entry in status["missing"]} >= {"extending.no_revocation_data"}
    assert all(entry["message_vi"] and entry["message_en"] for entry in status["missing"])


def test_a_file_that_is_no_letter_has_evidence_too(tmp_path: Path) -> None:
    """Reports and status are written; there is nothing else."""
    path = tmp_path / "notes.txt"
    path.write_text("no PDF", encoding="utf-8")
    status = package(path, VerificationSettings(), tmp_path / "evidence")
    assert (status["verdict"], status["certificates"], status["signatures"]) == ("unreadable", [], [])
    assert status["missing"]
