"""The pages made from kyso itself say what kyso says."""

from __future__ import annotations

import pytest

from tests.docs.generate import DOCS, pages


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return {path.as_posix(): page for path, page in pages().items()}


@pytest.mark.parametrize("name", ["cli", "policies", "messages"])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_made_pages_are_fresh(made: dict[str, str], language: str, name: str) -> None:
    """A made page is what ``python -m tests.docs.generate`` would write now."""
    path = f"{language}/reference/{name}.md"
    assert (DOCS / path).read_text(encoding="utf-8") == made[path], "run: python -m tests.docs.generate"


def test_every_command_has_a_section(made: dict[str, str]) -> None:
    """The page of commands holds at least the promised ones, each with its own help."""
    for language in ("vi", "en"):
        page = made[f"{language}/reference/cli.md"]
        for command in ("sign", "preview", "verify", "keys list", "plugins", "init", "config check", "demo"):
            assert f"\n## kyso {command}\n" in page
            assert f"kyso {command}" in page.split(f"\n## kyso {command}\n")[1][:800]
