"""Where words go: data to stdout, progress and messages to stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from kyso import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kyso.errors import KysoError
    from kyso.text import Language


def prepare_streams() -> None:
    """Keep a terminal with a small character set from failing on Vietnamese letters."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def say(code: str, language: Language, parameters: Mapping[str, object] | None = None) -> None:
    """Show a message, and what to do next, on stderr."""
    print(text.message(code, language, parameters), file=sys.stderr)
    note(text.next_step(code, language, parameters))


def note(step: str | None) -> None:
    """Show what to do next on stderr, where there is something to do."""
    if step:
        print("  → " + step, file=sys.stderr)


def say_error(error: KysoError, language: Language) -> None:
    """Show an error: what went wrong, its code, and what to do next."""
    mark = text.message("cli.error", language)
    print(f"{mark}: {error.message(language)} [{error.code}]", file=sys.stderr)
    note(error.next_step(language))


def put(line: str) -> None:
    """Write one line of data to stdout."""
    print(line)


def put_bytes(data: bytes) -> None:
    """Write finished data to stdout as it is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def put_json(value: Mapping[str, Any]) -> None:
    """Write one JSON object on a line of its own, UTF-8."""
    import json

    put_bytes(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace") + b"\n")


def in_both(code: str, parameters: Mapping[str, object]) -> dict[str, str]:
    """Return a code with its words in both languages, as JSON answers carry them."""
    return {
        "code": code,
        "message_vi": text.message(code, "vi", parameters),
        "message_en": text.message(code, "en", parameters),
    }


def error_in_both(error: KysoError) -> dict[str, str | None]:
    """Return an error as JSON answers carry it, with the next step."""
    return {
        **in_both(error.code, error.parameters),
        "next_vi": error.next_step("vi"),
        "next_en": error.next_step("en"),
    }


def table(heads: list[str], rows: list[list[str]], *, to_stderr: bool = False) -> None:
    """Write a table to stdout, or to stderr: drawn on a terminal, tab-separated elsewhere."""
    stream = sys.stderr if to_stderr else sys.stdout
    if not stream.isatty():
        for row in [heads, *rows]:
            print("\t".join(" ".join(text.shown(cell).split()) for cell in row), file=stream)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD)
    for head in heads:
        drawn.add_column(head)
    for row in rows:
        drawn.add_row(*(Text(text.shown(cell)) for cell in row))
    Console(file=stream).print(drawn)
