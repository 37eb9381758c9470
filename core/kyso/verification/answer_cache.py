"""Fetched revocation lists, OCSP responses and CA certificates, kept between runs.

Nothing kept here is trusted: every answer is checked by its signature and its dates whenever it is used, so a file
that somebody changed is worth as much as none. A cache that cannot be written merely costs another fetch.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final

MAX_ENTRIES: Final = 500


class AnswerCache:
    """One file for each answer, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_user(cls) -> AnswerCache:
        """Return the cache in the user's cache folder."""
        import platformdirs

        return cls(Path(platformdirs.user_cache_dir("kyso", appauthor=False)) / "revocation")

    def get(self, question: bytes, *, size_cap: int) -> tuple[bytes, float] | None:
        """Return the answer kept for `question` and when it was kept (seconds since the epoch)."""
        path = self._path(question)
        try:
            state = path.stat()
            return (path.read_bytes(), state.st_mtime) if state.st_size <= size_cap else None
        except OSError:
            return None

    def put(self, question: bytes, answer: bytes) -> None:
        """Keep an answer; the oldest make room."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(answer)
                Path(temporary).replace(self._path(question))
            except OSError:
                Path(temporary).unlink(missing_ok=True)
                raise
            self._make_room()

    def _path(self, question: bytes) -> Path:
        return self._folder / hashlib.sha256(question).hexdigest()

    def _make_room(self) -> None:
        entries = [entry for entry in os.scandir(self._folder) if entry.is_file()]
        if len(entries) > MAX_ENTRIES:
            oldest = sorted(entries, key=lambda entry: entry.stat().st_mtime)
            for entry in oldest[: len(entries) - MAX_ENTRIES]:
                Path(entry.path).unlink(missing_ok=True)
