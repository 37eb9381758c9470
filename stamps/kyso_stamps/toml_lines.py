"""Finds the lines of a TOML file on which its tables and entries stand; tomllib reads values without their places.

Used only to say where something is wrong. What is written unusually (keys with escapes, inline tables) is placed at
the line of the entry that holds it.
"""

from __future__ import annotations

import re
from collections import Counter

EntryPath = tuple[str | int, ...]
"""Names from the top, with the number of the table in an array of tables: ``("qr", 0, "box_mm")``."""

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]#]+?)\s*\]")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_TOKEN = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*|[\[\]{}]')


def entry_lines(source: str) -> dict[EntryPath, int]:
    """Return the line (from 1) of each table and entry, the first one where it is written twice."""
    places: dict[EntryPath, int] = {}
    arrays: Counter[str] = Counter()
    table: EntryPath = ()
    depth = 0
    quote = ""
    for number, line in enumerate(source.splitlines(), 1):
        rest = line
        if not depth and not quote:
            header, key = _HEADER.match(line), _KEY.match(line)
            if header:
                names = _names(header[2])
                if header[1] == "[[":
                    joined = ".".join(names)
                    table = (*names, arrays[joined])
                    arrays[joined] += 1
                else:
                    table = names
                places.setdefault(table, number)
                places.setdefault(names, number)
                continue
            if key:
                places.setdefault((*table, *_names(key[1])), number)
                rest = line[key.end() :]
        depth, quote = _scanned(rest, depth, quote)
    return places


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _scanned(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Return how many brackets are open, and which long string, after a line."""
    if quote:
        end = line.find(quote)
        if end < 0:
            return depth, quote
        line, quote = line[end + 3 :], ""
    at = 0
    while found := _TOKEN.search(line, at):
        token = found[0]
        at = found.end()
        if token in ('"""', "'''"):
            end = line.find(token, at)
            if end < 0:
                return depth, token
            at = end + 3
        elif token in ("[", "{"):
            depth += 1
        elif token in ("]", "}"):
            depth = max(0, depth - 1)
        elif token.startswith("#"):
            break
    return depth, ""
