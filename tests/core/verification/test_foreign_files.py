"""Foreign files: the shared corpus with its expectations, and random damage."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from kyso.demo.pki import DemoPki
from kyso.reports.json import as_table
from kyso.reports.text import TextReport
from kyso.verification.settings import VerificationSettings
from kyso.verification.verify import verify_document
from tests.vectors.making import byte_range, verify

_INTEGRITY = {
    "intact": "intact",
    "broken": "tampered",
    "unchecked": "unverifiable",
    "unsigned": "not-signed",
    "unreadable": "unparsable",
}
_CHANGES = {
    "none": "none",
    "permitted": "allowed",
    "form_filling": "form-fill",
    "annotations": "suspicious",
    "forbidden": "suspicious",
}


def test_the_corpus_is_judged_as_expected(corpus: Path) -> None:
    """Integrity, changes and the number of signatures agree with every expectation of the corpus."""
    folder = corpus / "verify"
    wrong = []
    for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        expected = case["expected"]
        report = verify_document(folder / case["file"], VerificationSettings())
        stamps = sum(signature.kind == "timestamp" for signature in report.signatures)
        agrees = (
            _INTEGRITY[report.integrity] in expected["integrity"]
            and expected["n_signatures"] in (None, len(report.signatures) - stamps)
            and expected["n_doc_timestamps"] in (None, stamps)
            and (
                report.integrity != "intact"
                or expected["after_signing"] is None
                or _CHANGES[report.changes] in expected["after_signing"]
            )
        )
        unchanged = report.changes in ("none", "permitted", "form_filling")
        if not agrees or report.verdict == "valid" or (case["never_ok"] and report.integrity == "intact" and unchanged):
            wrong.append((case["file"], report.integrity, report.changes))
    assert wrong == []


@pytest.mark.parametrize("seed", range(12))
def test_random_damage_is_never_valid_and_never_raises(signed: bytes, pki: DemoPki, seed: int) -> None:
    """Flipped, cut, doubled and swapped pieces of a signed letter give a verdict other than valid."""
    chance = random.Random(seed)
    for _ in range(25):
        data = bytearray(signed)
        kind = chance.randrange(5)
        first, second = sorted(chance.randrange(len(data)) for _ in range(2))
        if kind == 0:
            data[first] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[first : min(second, first + 400)]
        elif kind == 2:
            data[first:first] = data[first : min(second, first + 400)] or b"x"
        elif kind == 3:
            del data[second:]
        else:
            data.extend(data[first:second] or b"x")
        if bytes(data) == signed:
            continue
        report = verify(bytes(data), pki)
        assert report.verdict != "valid" or _means_the_same(signed, bytes(data)), (seed, kind, first, second)
        as_table(report)
        TextReport().render(report, "vi")


def _means_the_same(original: bytes, damaged: bytes) -> bool:
    """White space behind the end means nothing, nor does what a CMS carries unsigned (CA certificates)."""
    if damaged.startswith(original):
        return not damaged[len(original) :].strip()
    _, start, end, _ = byte_range(original)
    return len(damaged) == len(original) and damaged[:start] + damaged[end:] == original[:start] + original[end:]


def test_a_form_that_leads_in_circles_ends(pki: DemoPki) -> None:
    """Cycles in the field tree and the page tree end in a verdict."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [3 0 R] >> >>",
        b"<< /Type /Pages /Count 1 /Kids [2 0 R 4 0 R] >>",
        b"<< /T (a) /FT /Sig /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>",
    ]
    data, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    data += b"xref\n0 5\n0000000000 65535 f \n%btrailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        table,
        len(data),
    )
    assert verify(data, pki).verdict in ("unsigned", "unreadable")


def test_pipes_and_devices_are_unreadable(tmp_path: Path, pki: DemoPki) -> None:
    """A named pipe that nobody writes to keeps no verification waiting; a device without an end fills no memory."""
    pipe = tmp_path / "letter.pdf"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        assert verify(path, pki).verdict == "unreadable"
