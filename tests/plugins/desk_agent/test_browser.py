"""The demonstration document system in Chromium, from the page's button to the delivered letter.

The browser trusts the agent's leaf through its own certificate store, as ``kyso desk agent install`` leaves it; no
flag makes it blind for other certificates. The windows open in the same browser, as they do for a person.
"""

from __future__ import annotations

import base64
import hashlib
import os
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kyso_desk.agent import browsers
from kyso_desk.agent.server import RunningAgent
from tests.plugins.desk.conftest import CHROMIUM_ARGUMENTS
from tests.plugins.desk_agent.actors import Person
from tests.plugins.desk_agent.conftest import DocumentSystem
from tests.support.judges import need_tool

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.xdist_group("desk_agent")

SHOTS = Path(__file__).resolve().parents[3] / "build" / "screenshots" / "agent"
ASK = """([operation, message]) => {
    const address = new URLSearchParams(location.search).get("agent");
    window.answer = import("/page/agent.js").then((agent) => agent.ask(operation, message, address));
}"""
SIZES = {"wide": {"width": 1366, "height": 768}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def trusting_browser(running_agent: RunningAgent, isolated_environment: Path) -> Iterator[Browser]:
    """Chromium whose user has installed the agent's certificate; without certutil, one that is told its key alone."""
    program = need_tool("chromium")
    stores = browsers.find_stores(isolated_environment) if browsers.certutil() is not None else ()
    browsers.install(running_agent.leaf, stores)
    told = [] if stores else [f"--ignore-certificate-errors-spki-list={key_digest(running_agent)}"]
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=[*CHROMIUM_ARGUMENTS, *told],
            env={**os.environ, "HOME": str(isolated_environment)},
        )
        yield browser
        browser.close()
    browsers.uninstall(stores)


def key_digest(agent: RunningAgent) -> str:
    """Return the SHA-256 of the leaf's SubjectPublicKeyInfo, base64."""
    key = x509.load_pem_x509_certificate(agent.leaf.certificate).public_key()
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(encoded).digest()).decode("ascii")


class Desk:
    """The person's browser: the document system in one tab, the agent's windows in others."""

    _judged: ClassVar[set[str]] = set()

    def __init__(self, context: BrowserContext, person: Person, documents: DocumentSystem, port: int) -> None:
        self.context = context
        self._person = person
        self.errors: queue.Queue[str] = queue.Queue()
        self.page = self._watched(context.new_page())
        self.page.goto(f"{documents.origin}/?agent=wss://127.0.0.1:{port}")

    def _watched(self, page: Page) -> Page:
        page.on("pageerror", lambda error: self.errors.put(str(error)))
        page.on("console", lambda line: self.errors.put(line.text) if line.type == "error" else None)
        page.set_default_timeout(40_000)
        return page

    def window(self) -> Page:
        """Open the window that the agent would open."""
        page = self._watched(self.context.new_page())
        page.goto(self._person.unopened().url)
        return page

    def stage(self, window: Page, name: str, shot: str = "") -> None:
        """Wait for a stage of a window, look at it, and keep a picture."""
        window.wait_for_selector(f"main[data-stage={name}]")
        if shot:
            SHOTS.mkdir(parents=True, exist_ok=True)
            for size, viewport in SIZES.items():
                window.set_viewport_size(viewport)  # type: ignore[arg-type] # a plain mapping
                window.wait_for_timeout(120)
                window.screenshot(path=SHOTS / f"{shot}-{size}.png", full_page=True)
                assert window.evaluate("document.documentElement.scrollWidth <= innerWidth"), "sticks out sideways"
            # Each stage is judged once; axe takes longer than all the rest.
            if name not in self._judged:
                self._judged.add(name)
                assert_accessible(window)


def assert_accessible(page: Page) -> None:
    """Hold a page against the rules of axe, WCAG 2.1 AA."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    broken = [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found.response["violations"]]
    assert not broken


@pytest.fixture
def desk(trusting_browser: Browser, agent: RunningAgent, person: Person, documents: DocumentSystem) -> Iterator[Desk]:
    """The document system in the browser, its page not permitted yet."""
    context = trusting_browser.new_context(viewport=SIZES["wide"], locale="vi-VN")  # type: ignore[arg-type]
    desk = Desk(context, person, documents, agent.port)
    yield desk
    context.close()
    assert desk.errors.empty(), desk.errors.get()


def in_vietnamese(window: Page) -> None:
    """Switch the window's language; the agent of these tests speaks English first."""
    window.click("#language")
    assert window.locator("html").get_attribute("lang") == "vi"


def drag(window: Page, left: float, top: float, right: float, bottom: float) -> None:
    """Draw a frame over the page, in parts of its width and height."""
    window.set_viewport_size(SIZES["wide"])  # type: ignore[arg-type] # a plain mapping
    window.locator(".sheet").scroll_into_view_if_needed()
    box = window.locator(".sheet").bounding_box()
    assert box is not None
    window.mouse.wheel(0, box["y"] + box["height"] * top - 100)
    window.wait_for_timeout(200)
    box = window.locator(".sheet").bounding_box()
    assert box is not None
    window.mouse.move(box["x"] + box["width"] * left, box["y"] + box["height"] * top)
    window.mouse.down()
    window.mouse.move(box["x"] + box["width"] * right, box["y"] + box["height"] * bottom, steps=3)
    window.mouse.up()


def test_from_the_button_to_the_delivered_letter(
    desk: Desk, documents: DocumentSystem, pfx_password: str, letter_pdf: bytes
) -> None:
    """A page that knows nothing of kyso has a letter approved and issued; the person permits, looks, signs."""
    desk.page.click("text=Lãnh đạo ký")
    window = desk.window()
    desk.stage(window, "origin", "origin")
    in_vietnamese(window)
    window.click("button.primary")
    desk.stage(window, "sign")
    window.wait_for_selector(".stamp img")
    window.wait_for_selector("img.paper")
    desk.stage(window, "sign", "sign")
    assert window.locator(".stamp").bounding_box()["width"] > 20  # type: ignore[index]
    drag(window, 0.2, 0.7, 0.4, 0.8)
    window.wait_for_selector("details[open]")
    desk.stage(window, "sign", "by-hand")
    assert 40 < float(window.input_value("#hand-left")) < 44
    window.click("text=Tự tìm chỗ")
    window.wait_for_selector("details:not([open])")
    window.fill("#secret", "wrong")
    window.keyboard.press("Enter")
    window.wait_for_selector(".alert")
    desk.stage(window, "sign", "wrong-pin")
    window.fill("#secret", pfx_password)
    window.keyboard.press("Enter")
    desk.stage(window, "done", "done")
    desk.page.wait_for_selector("text=Đã ký: công văn 07.pdf. Đã nhận.")
    assert documents.system.letters[0].data.startswith(letter_pdf)

    desk.page.fill("#number", "07/UBND-VP")
    desk.page.click("text=Văn thư phát hành")
    window = desk.window()
    desk.stage(window, "sign")
    window.wait_for_selector(".about .alert")
    window.check("#set-confirm_date")
    window.wait_for_selector(".stamp")
    desk.stage(window, "sign", "issue")
    window.fill("#secret", pfx_password)
    window.click("button.primary")
    desk.stage(window, "done")
    desk.page.wait_for_selector("text=ỦY BAN NHÂN DÂN XÃ AN BÌNH THỬ NGHIỆM")
    history = documents.system.letters[0].history
    assert [line.rpartition(": ")[2] for line in history] == ["valid", "valid"]
    desk.page.click("text=Kiểm tra")
    window = desk.window()
    desk.stage(window, "verdict", "verdict")
    desk.page.wait_for_selector("text=The signature is valid.")


def test_a_no_reaches_the_page(desk: Desk) -> None:
    """Refusing the page, and refusing the letter, are told by the page as the person's no."""
    desk.page.click("text=Lãnh đạo ký")
    window = desk.window()
    desk.stage(window, "origin")
    window.click("text=Do not permit")
    desk.stage(window, "cancelled", "cancelled")
    desk.page.wait_for_selector("text=Người ký đã hủy.")


def test_contents_and_certificates_are_shown(desk: Desk, pfx_password: str) -> None:
    """What a page wants signed as a message is shown as it is; the certificate is shown to a page by consent only."""

    def start(operation: str, text: str) -> None:
        desk.page.evaluate(ASK, [operation, text])

    start("GetCertInfo", "get_cert_info")
    window = desk.window()
    desk.stage(window, "origin")
    window.click("button.primary")
    desk.stage(window, "certificate", "certificate")
    window.fill("#secret", pfx_password)
    window.click("button.primary")
    desk.stage(window, "told", "told")
    told = desk.page.evaluate("() => window.answer")
    assert told["CertInfo"]["Subject"].startswith("CN=Nguyễn Văn Mẫu")
    start("SignMsg", "PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0PiDEkeG7k25nIMO9")
    window = desk.window()
    desk.stage(window, "content", "content")
    assert window.locator("pre.content").inner_text() == "<script>alert(1)</script> đồng ý"
    window.click("button.primary")
    desk.stage(window, "secret", "secret")
    window.fill("#secret", pfx_password)
    window.click("button.primary")
    desk.stage(window, "done")
    assert desk.page.evaluate("() => window.answer")["Status"] == 0


def test_a_window_survives_a_reload_and_opens_once(desk: Desk, agent: RunningAgent) -> None:
    """A reloaded window goes on; its address, used again elsewhere, opens nothing."""
    desk.page.click("text=Lãnh đạo ký")
    window = desk.window()
    desk.stage(window, "origin")
    assert "#" not in window.url
    window.reload()
    desk.stage(window, "origin")
    second = desk.context.new_page()
    second.goto(window.url + "#guessed")
    second.wait_for_selector("text=There is no such confirmation window.")
    window.click("text=Do not permit")
    desk.stage(window, "cancelled")
    # The refused exchange is told in the console as well, which is what the fixture listens to.
    assert agent.service.confirmations.waiting() == ()


def test_a_chosen_file_is_signed_and_saved(desk: Desk, pfx_password: str, letter_pdf: bytes, tmp_path: Path) -> None:
    """Where a page names no letter, the person chooses one, signs it and saves it."""
    chosen = tmp_path / "thư mời.pdf"
    chosen.write_bytes(letter_pdf)
    desk.page.evaluate(ASK, ["SignApproved", {"FileName": "", "FileUploadHandler": ""}])
    window = desk.window()
    desk.stage(window, "origin")
    window.click("button.primary")
    desk.stage(window, "choose", "choose")
    window.set_input_files("#file", chosen)
    window.click("button.primary")
    desk.stage(window, "sign")
    window.fill("#secret", pfx_password)
    window.click("button.primary")
    desk.stage(window, "done", "save")
    with window.expect_download() as download:
        window.click("button:has-text('Save')")
    assert download.value.suggested_filename == "thư mời.signed.pdf"
    assert Path(download.value.path()).read_bytes().startswith(letter_pdf)
