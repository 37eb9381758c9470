"""Keeps prepared fonts and pictures on disk between runs.

An entry is one file: a mark, the SHA-256 of the rest, a JSON header and binary data; nothing in it is ever executed.
The cache is a convenience: a damaged, foreign or unreadable entry counts as absent, and a folder that cannot be written
leaves the work undone for the next run. The digest finds accidents; it does not protect against someone who may write
to the folder, and such a person could change the stamps' pictures themselves.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
from pathlib import Path
from typing import Any

from kyso_stamps.appearance import Part

_MARK = b"kyso-stamps/1\n"
_SUFFIX = ".stamp"
MAX_ENTRY_BYTES = 64 * 1024 * 1024
MAX_ENTRIES = 200


def load(folder: Path | None, kind: str, key: str) -> tuple[dict[str, Any], bytes] | None:
    """Return header and data stored under `kind` and `key`, or ``None`` where there is no sound entry."""
    if folder is None:
        return None
    path = _path(folder, kind, key)
    try:
        if path.stat().st_size > MAX_ENTRY_BYTES:
            return None
        content = path.read_bytes()
        start = len(_MARK) + 32
        if content[: len(_MARK)] != _MARK or hashlib.sha256(content[start:]).digest() != content[len(_MARK) : start]:
            return None
        length = struct.unpack_from(">I", content, start)[0]
        header = json.loads(content[start + 4 : start + 4 + length])
    except (OSError, ValueError, struct.error):
        return None
    if not isinstance(header, dict) or header.get("key") != key:
        return None
    return header, content[start + 4 + length :]


def store(folder: Path | None, kind: str, key: str, header: dict[str, Any], data: bytes) -> None:
    """Store an entry, whole or not at all."""
    if folder is None:
        return
    import tempfile

    text = json.dumps({**header, "key": key}, separators=(",", ":")).encode()
    rest = struct.pack(">I", len(text)) + text + data
    content = _MARK + hashlib.sha256(rest).digest() + rest
    temporary = None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(_path(folder, kind, key))
        _forget_oldest(folder)
    except OSError:
        # A read-only home or a full disk must not stop a signature; the entry is made again next time.
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink(missing_ok=True)


def load_parts(folder: Path | None, kind: str, key: str) -> tuple[dict[str, Any], tuple[Part, ...]] | None:
    """Return header and parts of an entry made by :func:`store_parts`."""
    found = load(folder, kind, key)
    if found is None:
        return None
    header, data = found
    parts: list[Part] = []
    at = 0
    try:
        for pieces, size, part_key in header["parts"]:
            head = tuple(piece if isinstance(piece, int) else str(piece).encode("latin-1") for piece in pieces)
            stream = None
            if size is not None:
                stream = data[at : at + int(size)]
                at += int(size)
            parts.append(Part(head, stream, str(part_key)))
    except (KeyError, TypeError, ValueError):
        return None
    return header, tuple(parts)


def store_parts(folder: Path | None, kind: str, key: str, header: dict[str, Any], parts: tuple[Part, ...]) -> None:
    """Store finished PDF objects with a header of their own."""
    described = [
        [
            [piece if isinstance(piece, int) else piece.decode("latin-1") for piece in part.head],
            None if part.stream is None else len(part.stream),
            part.key,
        ]
        for part in parts
    ]
    store(folder, kind, key, {**header, "parts": described}, b"".join(part.stream or b"" for part in parts))


def _path(folder: Path, kind: str, key: str) -> Path:
    return folder / f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:40]}{_SUFFIX}"


def _forget_oldest(folder: Path) -> None:
    entries = [entry for entry in os.scandir(folder) if entry.name.endswith(_SUFFIX)]
    if len(entries) > MAX_ENTRIES:
        entries.sort(key=lambda entry: entry.stat().st_mtime_ns)
        for entry in entries[: len(entries) - MAX_ENTRIES]:
            Path(entry.path).unlink(missing_ok=True)
