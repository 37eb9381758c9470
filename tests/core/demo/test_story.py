"""`kyso demo` from beginning to end: what it leaves behind, judged by tools that are not kyso."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from kyso.demo.display import quiet
from kyso.demo.story import MARK, run
from kyso.errors import WrongUse
from tests.support.judges import pdfsig, pyhanko_validate, qpdf_check, render_poppler

SIGNED = {
    "letter-leader": ["Nguyễn Văn Mẫu (THỬ NGHIỆM)"],
    "letter": ["Nguyễn Văn Mẫu (THỬ NGHIỆM)", "ỦY BAN NHÂN DÂN XÃ AN BÌNH THỬ NGHIỆM (TEST)"],
    "attachment": ["ỦY BAN NHÂN DÂN XÃ AN BÌNH THỬ NGHIỆM (TEST)"],
    "copy": ["ỦY BAN NHÂN DÂN XÃ AN BÌNH THỬ NGHIỆM (TEST)"],
    "payments-accountant": ["Trần Thị Thử (THỬ NGHIỆM)"],
    "payments": ["Trần Thị Thử (THỬ NGHIỆM)", "Lê Hoàng Ví Dụ (THỬ NGHIỆM)"],
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder, played as a command in a process of its own."""
    folder = tmp_path_factory.mktemp("story") / "demo"
    kyso = Path(sys.executable).with_name("kyso")
    result = subprocess.run([kyso, "demo", folder, "--lang", "vi"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    (folder.parent / "stdout.txt").write_text(result.stdout, encoding="utf-8")
    (folder.parent / "stderr.txt").write_text(result.stderr, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", SIGNED)
def test_signed_files_are_valid_for_other_tools(demo: Path, name: str) -> None:
    """pdfsig, pyHanko and qpdf find every signature valid, by the right signer, chained to the demo's root."""
    path = demo / "signed" / f"{name}.pdf"
    seen = pdfsig(path)
    assert [signature.signer for signature in seen] == SIGNED[name]
    assert all(signature.valid for signature in seen)
    assert seen[-1].total_document
    assert qpdf_check(path)[0] == 0
    statuses = pyhanko_validate(path.read_bytes(), [(demo / "pki" / "root.pem").read_bytes()])
    assert all(status.bottom_line and status.trusted for status in statuses)
    assert len(statuses) == len(SIGNED[name])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("unsigned/letter", "signed/letter-leader"),
        ("signed/letter-leader", "signed/letter"),
        ("unsigned/payments", "signed/payments-accountant"),
        ("signed/payments-accountant", "signed/payments"),
        ("unsigned/scan", "signed/copy"),
    ],
)
def test_signing_only_appends(demo: Path, before: str, after: str) -> None:
    """Each signed file begins with every byte of what was signed."""
    original, signed = ((demo / f"{name}.pdf").read_bytes() for name in (before, after))
    assert signed.startswith(original)
    assert len(signed) > len(original)


def test_forgeries_are_found(demo: Path) -> None:
    """Both forged copies are reported invalid; one breaks the digest, the other only what was added afterwards."""
    letter = json.loads((demo / "reports" / "tampered-letter.json").read_text(encoding="utf-8"))
    assert (letter["verdict"], letter["integrity"]) == ("invalid", "broken")
    payments = json.loads((demo / "reports" / "tampered-payments.json").read_text(encoding="utf-8"))
    assert (payments["verdict"], payments["integrity"], payments["changes"]) == ("invalid", "intact", "forbidden")
    # The second one fools a tool that looks at digests alone, and that is why it is in the demo.
    assert all(signature.valid for signature in pdfsig(demo / "tampered" / "payments.pdf"))
    assert not all(status.bottom_line for status in pyhanko_validate((demo / "tampered/payments.pdf").read_bytes()))


def test_sound_files_are_reported_valid(demo: Path) -> None:
    """The signed files are valid, not merely undetermined: the root is trusted and the CRL was checked."""
    for name in ("letter", "attachment", "copy", "payments"):
        report = json.loads((demo / "reports" / f"signed-{name}.json").read_text(encoding="utf-8"))
        assert report["schema"] == "kyso.report/1"
        assert report["verdict"] == "valid"
        for signature in report["signatures"]:
            assert signature["certificate"]["status"] == "good"
            assert signature["certificate"]["checked_with"] == "crl"


def test_seal_covers_the_left_third_of_the_signature(demo: Path) -> None:
    """On the page as poppler draws it, the red seal ends at a third of the blue signature, at the same height."""
    dpi = 300.0
    page = render_poppler((demo / "signed" / "letter.pdf").read_bytes(), page=2, dpi=dpi)
    alone = render_poppler((demo / "signed" / "letter-leader.pdf").read_bytes(), page=2, dpi=dpi)
    blue = _box(alone, lambda r, g, b: b > r + 60)
    red = _box(page, lambda r, g, b: r > g + 80 and r > b + 80)
    width = blue[2] - blue[0]
    assert (red[2] - blue[0]) / width == pytest.approx(1 / 3, abs=0.015)
    assert (red[1] + red[3]) / 2 == pytest.approx((blue[1] + blue[3]) / 2, abs=0.5 * dpi / 25.4)
    assert (red[2] - red[0]) * 25.4 / dpi == pytest.approx(36.0, abs=0.3)


def _box(image: Image.Image, is_ink: object) -> tuple[int, int, int, int]:
    import numpy as np

    assert callable(is_ink)
    pixels = np.asarray(image).astype(int)
    mask = np.vectorize(is_ink)(pixels[..., 0], pixels[..., 1], pixels[..., 2])
    rows, columns = np.nonzero(mask)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_demo_shows_progress_and_says_what_to_try(demo: Path) -> None:
    """Progress goes to stderr in plain lines, verdicts and real commands to stdout, pictures and reports to files."""
    stdout = (demo.parent / "stdout.txt").read_text(encoding="utf-8")
    stderr = (demo.parent / "stderr.txt").read_text(encoding="utf-8")
    assert re.findall(r"^\[ ?(\d+)/11\]", stderr, flags=re.MULTILINE) == [str(number) for number in range(1, 12)]
    assert stdout.count("KHÔNG HỢP LỆ") == 2
    assert "kyso verify tampered/payments.pdf" in stdout
    assert (demo / "README.txt").read_text(encoding="utf-8").strip() == stdout.strip()
    for picture in (demo / "pages").glob("*.png"):
        with Image.open(picture) as image:
            assert abs(image.height / image.width - 297 / 210) < 0.01
    assert len(list((demo / "pages").glob("*.png"))) == 6
    assert len(list((demo / "reports").glob("*.txt"))) == 6


def test_demo_fills_its_own_folder_again(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second run in the same folder replaces the first, in the language asked for."""
    before = (demo / "signed" / "letter.pdf").read_bytes()
    assert run(demo, "en", quiet) == 0
    assert (demo / "signed" / "letter.pdf").read_bytes() != before
    printed = capsys.readouterr().out
    assert "INVALID - the forgery was found" in printed
    assert "KHÔNG" not in printed


def test_commands_to_try_work_as_printed(demo: Path) -> None:
    """Every command that the demo prints runs as it stands, with the exit code that its file deserves."""
    lines = [line.strip() for line in (demo / "README.txt").read_text(encoding="utf-8").splitlines()]
    commands = [line for line in lines if line.startswith("kyso ")]
    assert len(commands) == 7
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands:
        result = subprocess.run(
            ["bash", "-c", command],
            cwd=demo,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == (1 if "tampered" in command else 0), command + result.stderr


def test_demo_does_not_write_into_a_foreign_folder(tmp_path: Path) -> None:
    """A folder with somebody's files in it is refused and left as it is."""
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(WrongUse) as refused:
        run(tmp_path, "vi", quiet)
    assert refused.value.code == "demo.folder_not_empty"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert not (tmp_path / MARK).exists()
