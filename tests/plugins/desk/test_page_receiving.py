"""Receiving, the register, the check-up and the first run in a browser, in both sizes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kyso import Engine, Secret, SignRequest
from kyso.config import Config
from kyso.demo.pki import DemoPki
from kyso.demo.tampering import paint_over
from kyso.geometry import RectMm
from tests.plugins.desk.looking import Look, look
from tests.plugins.desk.running import RunningDesk, running_desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# One process runs all of it: the tests share a desk and a tab.
pytestmark = pytest.mark.xdist_group("desk-pages")


@pytest.fixture(scope="module")
def letters(office: Path, letter_pdf: bytes, pfx_password: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed letter, a forged one and an unsigned one, as files."""
    folder = tmp_path_factory.mktemp("arrivals")
    (folder / "chưa ký.pdf").write_bytes(letter_pdf)
    (folder / "hỏng.pdf").write_bytes(b"not a letter")
    with Engine.from_config(office / "kyso.toml", ask_secret=lambda code, about: Secret(pfx_password)) as engine:
        engine.sign(SignRequest(folder / "chưa ký.pdf", key="leader", out=folder / "đã ký.pdf"))
    return folder


@pytest.fixture(scope="module")
def incoming_desk(office: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    """A desk with a register of its own."""
    folder = tmp_path_factory.mktemp("incoming")
    text = (office / "kyso.toml").read_text(encoding="utf-8").replace(str(office), str(folder))
    (folder / "kyso.toml").write_text(f'{text}\n[intake]\nfolder = "{folder}/intake"\n', encoding="utf-8")
    with running_desk(folder) as desk:
        yield desk


@pytest.fixture(scope="module")
def tab(browser: Browser, incoming_desk: RunningDesk) -> Iterator[Look]:
    """One tab, used from test to test as a clerk's day goes."""
    with look(browser, incoming_desk.open()) as seen:
        yield seen


def test_a_letter_is_judged_and_entered(tab: Look, letters: Path) -> None:
    """The verdict stands first, the chain is a picture, and one click enters the letter with its number."""
    page = tab.page
    tab.go("receive")
    tab.check("receive-empty")
    tab.choose(letters / "đã ký.pdf")
    page.wait_for_selector(".verdict.tone-good")
    assert page.locator(".chain .link").count() == 3
    assert page.locator(".mark.good").count() == 1
    tab.check("receive-valid", twice=True)
    page.click("text=Xem trên trang")
    page.click(".intake .main")
    page.wait_for_selector(".entry")
    assert "Số đến 1/" in page.inner_text(".entry")
    tab.check("receive-entered")


def test_the_report_is_downloaded(tab: Look) -> None:
    """The button hands out the verification as a PDF in the page's language."""
    with tab.page.expect_download() as download:
        tab.page.click("text=Báo cáo PDF")
    assert download.value.suggested_filename == "đã ký.report.pdf"
    assert Path(download.value.path()).read_bytes()[:5] == b"%PDF-"


def test_a_forged_amount_is_framed_on_the_page(tab: Look, letters: Path) -> None:
    """What looks different from what was signed is framed, and the letter is held, not entered."""
    page = tab.page
    forged = paint_over((letters / "đã ký.pdf").read_bytes(), 1, RectMm(100, 120, 40, 6), "92.950.000")
    (letters / "sửa số tiền.pdf").write_bytes(forged)
    tab.add(letters / "sửa số tiền.pdf")
    page.wait_for_selector(".verdict.tone-bad")
    assert page.locator(".mark.changed").count() >= 1
    tab.check("receive-forged")
    page.click(".intake .main")
    page.wait_for_selector(".entry .badge.doubtful")


def test_unsigned_and_unreadable_letters_are_verdicts(tab: Look, letters: Path) -> None:
    """A letter without a signature and a file that is none each get their headline."""
    tab.add(letters / "chưa ký.pdf")
    tab.page.wait_for_selector(".verdict.tone-neutral")
    tab.add(letters / "hỏng.pdf")
    tab.page.wait_for_selector(".no-pages:not([hidden])")
    tab.check("receive-unreadable")


def test_the_register_is_searched_and_decides(tab: Look) -> None:
    """The register shows what was entered and held, searches while typing, and takes a decision with its reason."""
    page = tab.page
    tab.go("register")
    page.wait_for_selector(".entry")
    assert page.locator(".entry").count() == 2
    tab.check("register")
    page.fill("#register-words", "số tiền")
    page.wait_for_selector("text=1 văn bản")
    page.click("text=Trả lại")
    page.fill(".inline input", "Số tiền bị sửa sau khi ký")
    tab.check("register-decide")
    page.click(".inline .main")
    page.wait_for_selector(".entry .badge.bad")
    with page.expect_download() as download:
        page.click("text=Thông báo trả lại")
    assert Path(download.value.path()).read_bytes()[:5] == b"%PDF-"


def test_the_check_up_is_a_page(tab: Look) -> None:
    """Each finding has its sign, its word and its next step."""
    tab.go("doctor")
    tab.page.wait_for_selector(".verdict")
    tab.check("doctor")


def test_set_up_shows_what_is_configured(tab: Look) -> None:
    """Organisation, pictures, keys and problems of the configuration stand on one page."""
    tab.go("setup")
    tab.page.wait_for_selector(".keys li")
    assert "leader" in tab.page.inner_text(".keys")
    tab.check("setup")


def test_the_first_run_writes_a_configuration(
    browser: Browser, tmp_path: Path, pki: DemoPki, signature_image: Path, seal_image: Path, letter_pdf: bytes
) -> None:
    """A few answers become a kyso.toml with keys, pictures and a compared root; then a letter finds its place."""
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_DOCUMENTS_DIR": str(tmp_path / "documents")}
    folder = tmp_path / "empty"
    folder.mkdir()
    with running_desk(folder, environment=environment) as desk, look(browser, desk.open()) as seen:
        page = seen.page
        page.goto(desk.origin)
        page.wait_for_selector(".first-run")
        seen.check("first-run")
        page.click("button[type=submit]")
        page.wait_for_selector(".first-run .trouble")
        page.fill("input[autocomplete=organization]", "ỦY BAN NHÂN DÂN XÃ AN BÌNH")
        choosers = page.locator(".first-run input[type=file]")
        for place, file in ((0, pki.pfx("leader")), (1, signature_image), (2, pki.pfx("seal")), (3, seal_image)):
            choosers.nth(place).set_input_files(file)
            page.wait_for_timeout(400)
        choosers.nth(4).set_input_files(pki.folder / "root.pem")
        page.check(".first-run input[type=checkbox]")
        assert page.locator(".true-size img").count() == 1
        seen.check("first-run-filled")
        page.click("button[type=submit]")
        page.wait_for_selector(".keys li")
        written = tmp_path / "config" / "kyso" / "kyso.toml"
        config = Config.load(written)
        assert config.organisation.name == "ỦY BAN NHÂN DÂN XÃ AN BÌNH"
        assert sorted(config.keys) == ["leader", "seal"]
        assert config.seal.diameter_mm == 36
        assert (written.parent / "keys" / "leader.p12").stat().st_mode & 0o77 == 0
        assert len(list((written.parent / "trust").glob("*.pem"))) == 1
        seen.go("sign")
        letter = tmp_path / "letter.pdf"
        shutil.copyfile(_written(tmp_path, letter_pdf), letter)
        seen.choose(letter)
        page.wait_for_selector("button.large:not([disabled])")


def _written(folder: Path, data: bytes) -> Path:
    path = folder / "source.pdf"
    path.write_bytes(data)
    return path
