"""Letters as an office suite makes them; the truth are the text boxes that poppler finds."""

from __future__ import annotations

import html
import re
import subprocess
from pathlib import Path

import pytest

from kyso.document.opening import open_letter
from kyso.geometry import RectMm, pt_to_mm
from tests.support.judges import need_tool
from tests.support.placing import place

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"
 xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"
 office:version="1.2" office:mimetype="application/vnd.oasis.opendocument.text">
<office:automatic-styles>
<style:style style:name="B" style:family="paragraph">
 <style:paragraph-properties fo:text-align="justify" fo:text-indent="10mm" fo:margin-top="2mm"/>
 <style:text-properties fo:font-size="14pt" style:font-name="Liberation Serif"/></style:style>
<style:style style:name="T" style:family="paragraph"><style:paragraph-properties fo:text-align="center"/>
 <style:text-properties fo:font-size="14pt" fo:font-weight="bold"/></style:style>
<style:style style:name="R" style:family="paragraph"><style:text-properties fo:font-size="11pt"/></style:style>
<style:style style:name="TAB" style:family="paragraph"><style:paragraph-properties><style:tab-stops>
 <style:tab-stop style:position="115mm" style:type="center"/></style:tab-stops></style:paragraph-properties>
 <style:text-properties fo:font-size="13pt" fo:font-weight="bold"/></style:style>
<style:style style:name="L1" style:family="table-column">
 <style:table-column-properties style:column-width="75mm"/></style:style>
<style:style style:name="L2" style:family="table-column">
 <style:table-column-properties style:column-width="90mm"/></style:style>
</office:automatic-styles>
<office:body><office:text>
"""
_TAIL = "</office:text></office:body></office:document>"
_BODY = (
    "Thực hiện Kế hoạch chuyển đổi số năm 2026, Ủy ban nhân dân tỉnh yêu cầu các cơ quan, đơn vị triển khai ký số trên "
    "văn bản điện tử theo đúng quy định về thể thức và kỹ thuật trình bày; báo cáo kết quả trước ngày 25 hằng tháng."
)


def _paragraph(style: str, text: str) -> str:
    return f'<text:p text:style-name="{style}">{text}</text:p>'


def _table(left: list[str], right: list[str]) -> str:
    return (
        '<table:table><table:table-column table:style-name="L1"/><table:table-column table:style-name="L2"/>'
        "<table:table-row><table:table-cell>"
        + "".join(_paragraph("R", line) for line in left)
        + "</table:table-cell><table:table-cell>"
        + "".join(_paragraph("T", line) for line in right)
        + "</table:table-cell></table:table-row></table:table>"
    )


_SPACE = ["", "", "", ""]
_RECIPIENTS = ["Nơi nhận:", "- Như trên;", "- Thường trực Tỉnh ủy (báo cáo);", "- Lưu: VT, VP."]

LETTERS = {
    "table": (
        _table(_RECIPIENTS, ["TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH", *_SPACE, "Nguyễn Thị Ngọc Ánh"]),
        "PHÓ CHỦ TỊCH",
        "Nguyễn Thị Ngọc Ánh",
    ),
    "further-title": (
        _table(_RECIPIENTS, ["TM. HỘI ĐỒNG", "CHỦ TỊCH", *_SPACE, "PHÓ CHỦ TỊCH UBND TỈNH", "Trần Văn Hòa"]),
        "CHỦ TỊCH",
        "PHÓ CHỦ TỊCH UBND TỈNH",
    ),
    "tabs": (
        "".join(
            _paragraph("TAB", line)
            for line in [
                "Nơi nhận:<text:tab/>KT. GIÁM ĐỐC",
                "- Như trên;<text:tab/>PHÓ GIÁM ĐỐC",
                "- Lưu: VT.",
                "",
                "",
                "",
                "<text:tab/>Đại tá Lê Quý Đôn",
            ]
        ),
        "PHÓ GIÁM ĐỐC",
        "Đại tá Lê Quý Đôn",
    ),
    "centred-paragraphs": (
        "".join(_paragraph("T", line) for line in ["GIÁM ĐỐC", *_SPACE, "ThS. BS. Phạm Thị Hoà"]),
        "GIÁM ĐỐC",
        "ThS. BS. Phạm Thị Hoà",
    ),
}


@pytest.fixture(scope="module")
def office_letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The letters as PDFs, all made in one run of LibreOffice."""
    office = need_tool("soffice")
    folder = tmp_path_factory.mktemp("office")
    for name, (closing, _, _) in LETTERS.items():
        body = _paragraph("T", "CÔNG VĂN") + _paragraph("B", _BODY) * 4
        (folder / f"{name}.fodt").write_text(_HEAD + body + closing + _TAIL, encoding="utf-8")
    command = [office, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--convert-to", "pdf"]
    sources = [str(folder / f"{name}.fodt") for name in LETTERS]
    made = subprocess.run([*command, "--outdir", str(folder), *sources], capture_output=True, timeout=170, check=False)
    if not all((folder / f"{name}.pdf").is_file() for name in LETTERS):
        pytest.skip(f"LibreOffice made no PDF: {made.stderr.decode(errors='replace')[-200:]}")
    return folder


def _boxes(path: Path, text: str) -> list[RectMm]:
    """Return poppler's boxes of the words of `text`, in order, wherever they stand next to each other."""
    listing = subprocess.run(
        [need_tool("pdftotext"), "-bbox", str(path), "-"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    pattern = r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(.*?)</word>'
    words = [(html.unescape(found[4]), *map(float, found[:4])) for found in re.findall(pattern, listing)]
    wanted = text.split()
    found = []
    for start in range(len(words) - len(wanted) + 1):
        part = words[start : start + len(wanted)]
        if [word[0] for word in part] == wanted:
            left, top = min(word[1] for word in part), min(word[2] for word in part)
            right, bottom = max(word[3] for word in part), max(word[4] for word in part)
            found.append(RectMm(pt_to_mm(left), pt_to_mm(top), pt_to_mm(right - left), pt_to_mm(bottom - top)))
    return found


@pytest.mark.parametrize("name", LETTERS)
def test_office_letters_are_signed_between_title_and_name(
    name: str, office_letters: Path, signature_image: Path
) -> None:
    """The signature stands on the axis poppler measures, below the title's line and above the name's."""
    _, title, below = LETTERS[name]
    path = office_letters / f"{name}.pdf"
    data = path.read_bytes()
    placement = place(data, "decree30.leader", image=signature_image, signer="")
    ink = placement.boxes_mm["ink"]
    above, under = _boxes(path, title)[-1], _boxes(path, below)[-1]
    for candidate in _boxes(path, title):
        if candidate.bottom < under.top:
            above = candidate
    assert ink.centre_x == pytest.approx((above.centre_x + under.centre_x) / 2, abs=0.8)
    assert ink.centre_y == pytest.approx((above.centre_y + under.centre_y) / 2, abs=1.5)
    with open_letter(data) as letter:
        assert letter.free_of_ink(placement.page, ink)
