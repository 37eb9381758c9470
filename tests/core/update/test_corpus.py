"""Foreign files from many producers: signed with every byte kept, or refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kyso.errors import KysoError
from kyso.text import has_text
from tests.core.update.signed import root_der, sign
from tests.support import judges


@pytest.mark.parametrize("visible", [True, False], ids=["visible", "invisible"])
def test_every_file_is_signed_or_refused_as_it_should_be(visible: bool, corpus: Path, tmp_path: Path) -> None:
    """Each file of the corpus meets its expectation; what is signed is valid for every judge."""
    entries = [json.loads(line) for line in (corpus / "sign" / "manifest.jsonl").read_text("utf-8").splitlines()]
    wrong = {
        entry["file"]: fault
        for entry in entries
        if (fault := _fault(entry, corpus / "sign" / entry["file"], visible, tmp_path)) is not None
    }
    assert wrong == {}
    assert len(entries) >= 28


def _fault(entry: dict[str, Any], file: Path, visible: bool, folder: Path) -> str | None:
    try:
        signed = sign(file) if visible else sign(file, rect_mm=None)
    except KysoError as error:
        if entry["expectation"] == "sign-ok":
            return f"refused: {error.code}"
        return None if has_text(error.code) and error.next_step("vi") else f"no words for {error.code}"
    if entry["expectation"] == "refuse-with-clear-error":
        return "signed"
    path = folder / "signed.pdf"
    path.write_bytes(signed)
    if not signed.startswith(file.read_bytes()):
        return "the original bytes were changed"
    ours = [one for one in judges.pdfsig(path) if one.total_document]
    if len(ours) != 1 or not all(one.valid for one in judges.pdfsig(path) if "is not signed" not in one.text):
        return "pdfsig"
    last = judges.pyhanko_validate(signed, [root_der()])[-1]
    if not last.bottom_line or last.coverage != "ENTIRE_FILE":
        return f"pyHanko: {last.text}"
    if judges.qpdf_check(path)[0] > judges.qpdf_check(file)[0]:
        return judges.qpdf_check(path)[1]
    judges.render_pdfium(signed, 1, 20)
    return None
