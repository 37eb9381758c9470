"""An office with a desk, running; and a browser where one is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kyso.demo.pki import DemoPki
from kyso.text import add_catalogue
from tests.plugins.desk.looking import CHROMIUM_ARGUMENTS, chromium
from tests.plugins.desk.running import CONFIG, RunningDesk, Visitor, running_desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Read before the environment is cleared of KYSO_ variables.
_NEED_TOOLS = bool(os.environ.get("KYSO_NEED_TOOLS"))

# Tests that call the plugin's own functions read its words too.
add_catalogue("kyso_desk")


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory, pki: DemoPki, signature_image: Path, seal_image: Path) -> Path:
    """A folder with a kyso.toml for leader and seal."""
    folder = tmp_path_factory.mktemp("office")
    text = CONFIG.format(
        leader=pki.pfx("leader"),
        seal=pki.pfx("seal"),
        root=pki.folder / "root.pem",
        crl=pki.folder / "crl",
        signature_image=signature_image,
        seal_image=seal_image,
        folder=folder,
    )
    (folder / "kyso.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def desk(office: Path) -> Iterator[RunningDesk]:
    """A running desk, one for all tests that harm it no more than a person does."""
    with running_desk(office) as desk:
        yield desk


@pytest.fixture(scope="session")
def visitor(desk: RunningDesk) -> Visitor:
    """The person who opened the desk."""
    return desk.open()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright, whose event loop must not outlive the tests that use it."""
    program = chromium()
    if program is None:
        if _NEED_TOOLS:
            pytest.fail("chromium is not installed")
        pytest.skip("the system tool chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()
