"""Pages of the desk in Chromium, as a person opened them: looked at in two sizes, judged by axe."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe

from tests.plugins.desk.running import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

PICTURES = Path(__file__).resolve().parents[3] / "build" / "desk"
"""Screenshots of every state, artefacts of the run."""

DESKTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def chromium() -> str | None:
    """Return Debian's Chromium, ``None`` where it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass
class Look:
    """A tab of the desk.

    :ivar foreign: requests that left the desk; there must be none.
    :ivar trouble: errors that the page met.
    """

    page: Page
    origin: str
    foreign: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    def go(self, room: str) -> None:
        """Open one of the desk's rooms."""
        self.page.goto(f"{self.origin}/#/{room}")
        self.page.wait_for_selector(f"main.room-{room}")

    def choose(self, *files: Path) -> None:
        """Choose files as a person does, in the room that is open and empty."""
        self.page.set_input_files("main input[type=file]", list(files))

    def add(self, *files: Path) -> None:
        """Choose further files in a room that holds letters."""
        with self.page.expect_file_chooser() as chooser:
            self.page.click(".panel .head .link")
        chooser.value.set_files(list(files))

    def check(self, name: str, *, twice: bool = False) -> None:
        """Keep the state as pictures in both sizes and let axe judge it; nothing may stick out sideways.

        :param twice: let axe judge both sizes, for the main states; the others differ by their layout alone.
        """
        PICTURES.mkdir(parents=True, exist_ok=True)
        for size, suffix in ((DESKTOP, "desktop"), (PHONE, "phone")):
            self.page.set_viewport_size(size)  # type: ignore[arg-type] # a plain mapping
            # Let pictures be drawn anew and layout settle.
            self.page.wait_for_timeout(350)
            self.page.screenshot(path=PICTURES / f"{name}-{suffix}.png")
            wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{name}: {wide} px stick out at {suffix}"
            if twice or size is DESKTOP:
                self._judge(f"{name} ({suffix})")
        self.page.set_viewport_size(DESKTOP)  # type: ignore[arg-type] # a plain mapping

    def _judge(self, name: str) -> None:
        result: Any = Axe().run(self.page, options=_RULES)
        told = [
            f"{name}: {violation['id']}: {node['target']} {node.get('failureSummary', '')}"
            for violation in result.response["violations"]
            for node in violation["nodes"]
        ]
        assert not told, "\n".join(told)


@contextmanager
def look(browser: Browser, visitor: Visitor, *, language: str = "vi", **context: Any) -> Iterator[Look]:
    """Open a tab that has the session's cookie and key; afterwards nothing may have gone wrong in it."""
    origin = visitor.desk.origin
    with browser.new_context(viewport=DESKTOP, reduced_motion="reduce", **context) as tabs:  # type: ignore[arg-type]
        name, _, value = visitor.cookie.partition("=")
        tabs.add_cookies([{"name": name, "value": value, "url": origin, "httpOnly": True, "sameSite": "Strict"}])
        tabs.add_init_script(f"sessionStorage.setItem('kyso-desk-key', '{visitor.key}')")
        tabs.add_init_script(
            f"localStorage.getItem('kyso-language') ?? localStorage.setItem('kyso-language', '{language}')"
        )
        page = tabs.new_page()
        page.set_default_timeout(30_000)
        seen = Look(page, origin)
        watch(seen)
        yield seen
        assert seen.foreign == []
        assert seen.trouble == []


def watch(seen: Look) -> None:
    """Remember what leaves the desk and what goes wrong in the page."""

    def requested(request: Any) -> None:
        if not request.url.startswith((seen.origin + "/", "blob:", "data:", "about:")):
            seen.foreign.append(request.url)

    def said(message: Any) -> None:
        if message.type == "error" and "status of 4" not in message.text:
            seen.trouble.append(message.text)

    seen.page.on("request", requested)
    seen.page.on("console", said)
    seen.page.on("pageerror", lambda error: seen.trouble.append(str(error)))
