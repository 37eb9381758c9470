"""Where the desk keeps letters while it is open: a folder for its user only, swept when the desk ends.

What a person drops is copied here under a name of its own; the signed letter goes to the results folder, which stays.
A folder that a killed desk left behind is swept by the next one.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kyso.errors import InputRefused, WrongUse
from kyso.text import shown

PREFIX = "kyso-desk-"
MAX_LETTERS = 200
MAX_BYTES = 4 << 30
_LONGEST_NAME = 120
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
_OWNER_FILE = "owner"


@dataclass(slots=True)
class DeskLetter:
    """One letter on the desk.

    :param name: as people know it, without anything that could lead elsewhere.
    :param path: the PDF the desk works with.
    :param pages: width and height of each page in mm.
    :param fields: its signature fields.
    :param converted: whether it was made from a DOCX or ODT.
    """

    identifier: str
    name: str
    path: Path
    pages: list[list[float]] = field(default_factory=list)
    fields: list[dict[str, Any]] = field(default_factory=list)
    signatures: int = 0
    converted: bool = False

    def table(self) -> dict[str, Any]:
        """Return what the page may know of it."""
        return {
            "id": self.identifier,
            "name": self.name,
            "pages": self.pages,
            "fields": self.fields,
            "signatures": self.signatures,
            "converted": self.converted,
        }


class Workspace:
    """The folder and the letters in it. A context manager: leaving it sweeps the folder."""

    def __init__(self) -> None:
        sweep_abandoned()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))  # mkdtemp makes it 0700
        (self.folder / _OWNER_FILE).write_text(str(os.getpid()))
        self._letters: dict[str, DeskLetter] = {}

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.sweep()

    def sweep(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._letters.clear()

    def reserve(self, name: str) -> Path:
        """Return a new file's path for a letter of that name, in a folder of its own.

        :raises InputRefused: too many letters, or too much of them, lie on the desk.
        """
        if len(self._letters) >= MAX_LETTERS or self._used() > MAX_BYTES:
            raise InputRefused("desk.full", limit=MAX_LETTERS)
        folder = self.folder / secrets.token_urlsafe(12)
        folder.mkdir(mode=0o700)
        return folder / safe_name(name)

    def add(self, path: Path, *, name: str | None = None, converted: bool = False) -> DeskLetter:
        """Put a file on the desk."""
        letter = DeskLetter(secrets.token_urlsafe(12), name or path.name, path, converted=converted)
        self._letters[letter.identifier] = letter
        return letter

    def letter(self, identifier: str) -> DeskLetter:
        """Return a letter. :raises WrongUse: it is not on the desk."""
        try:
            return self._letters[identifier]
        except KeyError:
            raise WrongUse("desk.no_such_letter") from None

    def remove(self, identifier: str) -> None:
        """Take a letter off the desk; a result in its folder stays where it is."""
        letter = self._letters.pop(identifier, None)
        if letter is not None:
            self.discard(letter.path)

    def discard(self, path: Path) -> None:
        """Remove what was put at a reserved path."""
        folder = path.parent
        if folder.parent == self.folder:
            shutil.rmtree(folder, ignore_errors=True)

    def _used(self) -> int:
        total = 0
        for letter in self._letters.values():
            with contextlib.suppress(OSError):
                total += letter.path.stat().st_size
        return total


def safe_name(given: str) -> str:
    """Return a file name for a letter: the last part of what was given, without what a system could read into it."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    name = _FORBIDDEN.sub("_", shown(last).replace("\n", " ").replace("\N{REPLACEMENT CHARACTER}", "_")).strip(" .")
    stem, dot, suffix = name.rpartition(".")
    stem, suffix = (stem, dot + suffix) if dot and len(suffix) <= 5 else (name, "")
    while len((stem + suffix).encode("utf-8", "replace")) > _LONGEST_NAME:
        stem = stem[:-1]
    name = (stem.strip(" .") + suffix).encode("utf-8", "replace").decode()
    if not stem.strip(" .") or _RESERVED.match(name):
        name = f"van-ban{suffix}"
    return name


def free_path(folder: Path, name: str) -> Path:
    """Return a path in `folder` that no file has yet: ``name.pdf``, ``name (2).pdf`` ..."""
    stem, suffix = Path(name).stem, Path(name).suffix
    for number in range(1, 10_000):
        path = folder / (name if number == 1 else f"{stem} ({number}){suffix}")
        if not path.exists():
            return path
    raise InputRefused("desk.results_full", folder=folder)


def sweep_abandoned() -> None:
    """Remove the folders of desks that were killed before they could sweep."""
    for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        try:
            owner = int((folder / _OWNER_FILE).read_text())
            if folder.is_symlink() or folder.stat().st_uid != os.getuid() or _runs(owner):
                continue
        except (OSError, ValueError, AttributeError):
            continue
        shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
