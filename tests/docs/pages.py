"""Reads the handwritten documentation: its files, its code blocks, its links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"\s+# exit (\d+)$")


@dataclass(frozen=True)
class Block:
    """One fenced block.

    :param language: what stands after the fence: ``sh`` and ``python`` blocks are run, others are not.
    """

    language: str
    code: str


@dataclass(frozen=True)
class Command:
    """One line of an ``sh`` block and the exit code it must have (``# exit 4`` after it, else 0)."""

    line: str
    exit_code: int


# The pages of these plugins work in other folders than the demo's; the plugins' own tests hold them.
_ELSEWHERE = ("kbnn", "keys")


def own_pages() -> list[Path]:
    """Return README.md and the pages of docs/vi and docs/en whose commands run in the demo's folder."""
    pages = (path for language in ("vi", "en") for path in (DOCS / language).rglob("*.md"))
    return [ROOT / "README.md", *sorted(page for page in pages if page.parent.name not in _ELSEWHERE)]


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    return [Block(found[1], found[2]) for found in _FENCE.finditer(page.read_text(encoding="utf-8"))]


def commands(block: Block) -> list[Command]:
    """Return the commands of an ``sh`` block."""
    found = []
    for line in block.code.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        code = _EXIT.search(line)
        found.append(Command(_EXIT.sub("", line), int(code[1]) if code else 0))
    return found
