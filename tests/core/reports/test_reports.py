"""The JSON contract and the text for people."""

from __future__ import annotations

import dataclasses
import json
import tomllib
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest

import kyso
from kyso.contracts import Conformity
from kyso.demo.pki import DemoPki
from kyso.models import Notice
from kyso.reports.json import JsonReport
from kyso.reports.text import WIDTH, TextReport
from kyso.text import Text
from kyso.verification.report import VerificationReport
from kyso.verification.settings import VerificationSettings
from kyso.verification.verify import verify_document
from tests.vectors.making import add_annotation, annotation, sign, signer_of, update, verify

_TOP = ["schema", "file", "verdict", "integrity", "changes", "validation_time", "signatures", "conformity", "warnings"]
_SIGNATURE = [
    *("field", "kind", "verdict", "integrity", "coverage", "changes", "change_list", "level", "signer", "issuer"),
    *("managing_unit", "signing_time", "certificate", "chain", "algorithms", "indication", "sub_indication"),
    *("reasons", "page", "rect_mm"),
]


@pytest.fixture(scope="module")
def report(letter_pdf: bytes, pki: DemoPki) -> VerificationReport:
    """A letter that was annotated after signing."""
    data = update(sign(letter_pdf, signer_of(pki)), lambda writer: add_annotation(writer, annotation("/FreeText")))
    return verify(data, pki, at=datetime(2026, 11, 22, 2, 3, 4, tzinfo=UTC))


def test_json_has_the_keys_of_the_contract_in_order(report: VerificationReport) -> None:
    """``kyso.report/1``: names and order are promised to programs."""
    table = json.loads(JsonReport().render(report, "vi"))
    assert list(table) == _TOP
    assert table["schema"] == "kyso.report/1"
    assert list(table["file"]) == ["name", "path", "sha256", "size", "pages"]
    assert table["validation_time"] == {"value": "2026-11-22T09:03:04+07:00", "given": True}
    signature = table["signatures"][0]
    assert list(signature) == _SIGNATURE
    assert list(signature["signer"]) == ["name", "organisation", "id"]
    assert list(signature["signing_time"]) == ["value", "source"]
    assert list(signature["certificate"]) == [
        "serial", "sha256", "not_before", "not_after", "status", "checked_with", "terms",
    ]  # fmt: skip
    assert list(signature["chain"]) == ["anchor", "complete", "names"]
    assert list(signature["algorithms"]) == ["digest", "signature", "key_bits"]
    assert list(signature["reasons"][0]) == ["code", "message_vi", "message_en"]
    assert len(signature["rect_mm"]) == 4
    assert signature["change_list"][0]["page"] == 1


@pytest.mark.parametrize("data", [b"", b"not a pdf"])
def test_json_of_an_unreadable_file_is_whole(data: bytes) -> None:
    """The object is printed for unreadable files too."""
    table = json.loads(JsonReport().render(verify_document(data, VerificationSettings(), name="x.pdf"), "vi"))
    assert list(table) == _TOP
    assert table["verdict"] == "unreadable"
    assert table["signatures"] == []
    assert table["warnings"][0]["message_vi"] != table["warnings"][0]["code"]


def test_text_has_the_seven_items_of_the_circular(report: VerificationReport) -> None:
    """TT 15/2025, Điều 6.4, in Vietnamese."""
    text = TextReport().render(report, "vi").decode()
    items = (
        "Tổ chức cấp chứng thư số:",
        "Người ký:",
        "Đơn vị quản lý chứng thư số:",
        "Thời điểm ký:",
        "Tính toàn vẹn:",
        "Hiệu lực tại thời điểm ký:",
        "Thời hạn chứng thư số:",
    )
    positions = [text.index(item) for item in items]
    assert positions == sorted(positions)
    assert text.startswith("CHƯA XÁC ĐỊNH ĐƯỢC: document.pdf\nLý do: ")
    assert "Việc cần làm: " in text
    assert unicodedata.is_normalized("NFC", text)


def test_text_fits_the_width(report: VerificationReport) -> None:
    """No line is wider than promised unless a single word is."""
    for language in ("vi", "en"):
        lines = TextReport().render(report, language).decode().splitlines()
        assert all(len(line) <= WIDTH for line in lines)


def test_shown_text_is_harmless(report: VerificationReport) -> None:
    """Control, ANSI and bidirectional characters from names reach neither a terminal nor a line of their own."""
    signature = dataclasses.replace(
        report.signatures[0],
        field="\x1b[2JĐã ký\nHỢP LỆ",
        signer=dataclasses.replace(report.signatures[0].signer, name="Nguyễn\u202e nảB\x07"),
    )
    hostile = dataclasses.replace(
        report, signatures=(signature,), file=dataclasses.replace(report.file, name="a\x1b[31m\nb")
    )
    text = TextReport().render(hostile, "vi").decode()
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert "\nHỢP LỆ" not in text
    table = json.loads(JsonReport().render(hostile, "vi"))
    assert "\x1b" not in table["signatures"][0]["field"]


def test_a_valid_letter_says_what_was_added(letter_pdf: bytes, pki: DemoPki) -> None:
    """Permitted changes stand in the first lines of a valid letter."""
    once = sign(letter_pdf, signer_of(pki))
    report = verify(sign(once, signer_of(pki, "seal"), "Seal", box=(300, 80, 400, 180)), pki)
    head = " ".join(TextReport().render(report, "vi").decode().split("\n\n")[0].split())
    assert head.startswith("HỢP LỆ")
    assert "Thêm chữ ký Seal" in head


def test_conformity_is_shown_and_never_mixed_into_the_verdict(report: VerificationReport) -> None:
    """Judgements of form have a part of their own."""
    rule = Conformity("decree30.seal", "NĐ 30, Phụ lục I", "not_met", Text("dấu lệch", "the seal is misplaced"))
    judged = dataclasses.replace(report, conformity=(rule,))
    assert json.loads(JsonReport().render(judged, "en"))["conformity"][0]["detail"] == "the seal is misplaced"
    assert "không đạt: decree30.seal" in TextReport().render(judged, "vi").decode()
    assert judged.verdict == report.verdict


def test_times_in_notices_are_vietnams(report: VerificationReport) -> None:
    """A time inside a message is shown in +07:00, whatever zone it came in."""
    notice = Notice("certificate.suspended", {"since": datetime(2026, 11, 21, 20, 0, tzinfo=UTC)})
    table = json.loads(JsonReport().render(dataclasses.replace(report, warnings=(notice,)), "vi"))
    assert "22/11/2026 03:00:00 +07:00" in table["warnings"][0]["message_vi"]


def test_every_code_has_words_in_both_languages() -> None:
    """No code of verification reaches a person without words."""
    import re

    folder = Path(kyso.__file__).parent
    used: set[str] = set()
    pattern = re.compile(
        r'"((?:change|cms|timestamp|chain|certificate|signature|byte_range|algorithm|verification)\.[a-z_]+)"'
    )
    for room in ("verification", "cms"):
        for file in (folder / room).glob("*.py"):
            used.update(pattern.findall(file.read_text(encoding="utf-8")))
    for language in ("vi", "en"):
        catalogue = tomllib.loads((folder / f"messages.verification.{language}.toml").read_text(encoding="utf-8"))
        assert used <= catalogue.keys()
