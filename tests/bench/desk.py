"""The desk in Chromium: from the drop of a letter of 100 pages to the first page's picture."""

from __future__ import annotations

import statistics

from tests.bench.figures import Figure
from tests.bench.stage import Stage
from tests.plugins.desk.long_letter import long_letter
from tests.plugins.desk.looking import CHROMIUM_ARGUMENTS, chromium, look
from tests.plugins.desk.running import running_desk

_LIMIT_MS = 400


def first_page(stage: Stage, rounds: int = 9) -> list[Figure]:
    """Drop the letter again and again, on a plain and on a high-density screen. Nothing without Chromium."""
    program = chromium()
    if program is None:
        return []
    from playwright.sync_api import sync_playwright

    letter = stage.folder / "long.pdf"
    letter.write_bytes(long_letter(100))
    figures = []
    with running_desk(stage.folder) as desk, sync_playwright() as playwright:
        visitor = desk.open()
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        for density in (1, 2):
            taken = []
            for _ in range(rounds):
                with look(browser, visitor, device_scale_factor=density) as seen:
                    seen.go("sign")
                    seen.choose(letter)
                    seen.page.wait_for_selector(".paper.drawn")
                    measured = "performance.getEntriesByName('first-page')[0].duration"
                    taken.append(float(seen.page.evaluate(measured)))
                    seen.page.wait_for_timeout(300)
            name = f"desk, first page of 100, density {density}"
            figures.append(Figure(name, "ms", statistics.median(taken), limit=_LIMIT_MS))
        browser.close()
    return figures
