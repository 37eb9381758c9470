"""Making this user's browsers trust the agent's leaf, with the user's consent, and taking that back.

On Linux browsers keep certificates in NSS databases: one for the Chromium family, one in each profile of Firefox.
NSS's own ``certutil`` writes them. Where there is none, and on macOS and Windows, the person is told the commands.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from kyso.frozen import dataclass
from kyso.plugin import InputRefused
from kyso_desk.agent.leaf import Leaf

Family = Literal["chromium", "firefox"]
NICKNAME: Final = "kyso agent"
_DEADLINE_S: Final = 30.0
_FIREFOX_FOLDERS: Final = (
    ".mozilla/firefox",
    ".config/mozilla/firefox",
    "snap/firefox/common/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",
)
_CHROMIUM_FOLDERS: Final = (
    ".pki/nssdb",
    ".local/share/pki/nssdb",
    "snap/chromium/current/.pki/nssdb",
    ".var/app/org.chromium.Chromium/.pki/nssdb",
)


@dataclass(frozen=True, slots=True)
class BrowserStore:
    """One NSS database of this user."""

    family: Family
    folder: Path

    @property
    def address(self) -> str:
        """How certutil names it."""
        return f"sql:{self.folder}"


def certutil() -> str | None:
    """Return NSS's certutil, ``None`` where it is not installed. (Windows has another program of that name.)"""
    return None if sys.platform == "win32" else shutil.which("certutil")


def find_stores(home: Path) -> tuple[BrowserStore, ...]:
    """Return the databases that are there; Chromium's own is named even where it does not exist yet."""
    chromium = [home / folder for folder in _CHROMIUM_FOLDERS if (home / folder / "cert9.db").is_file()]
    if home / _CHROMIUM_FOLDERS[0] not in chromium:
        chromium.insert(0, home / _CHROMIUM_FOLDERS[0])
    profiles = sorted(
        file.parent for folder in _FIREFOX_FOLDERS for file in (home / folder).glob("*/cert9.db") if file.is_file()
    )
    return (
        *(BrowserStore("chromium", folder) for folder in chromium),
        *(BrowserStore("firefox", folder) for folder in profiles),
    )


def install(leaf: Leaf, stores: Iterable[BrowserStore]) -> None:
    """Make the databases trust the leaf: as itself where that is possible, else through its limited authority.

    :raises InputRefused: certutil is missing or fails.
    """
    for store in stores:
        if not (store.folder / "cert9.db").is_file():
            store.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _run("-N", "--empty-password", store=store)
        _remove(store)
        if store.family == "firefox":
            _run("-A", "-t", "C,,", "-n", NICKNAME, "-i", str(leaf.authority_file), store=store)
        else:
            _run("-A", "-t", "P,,", "-n", NICKNAME, "-i", str(leaf.certificate_file), store=store)


def uninstall(stores: Iterable[BrowserStore]) -> tuple[BrowserStore, ...]:
    """Take the certificate out of the databases, and return those it was in.

    :raises InputRefused: certutil is missing.
    """
    return tuple(store for store in stores if (store.folder / "cert9.db").is_file() and _remove(store))


def is_installed(leaf: Leaf, store: BrowserStore) -> bool:
    """Tell whether a database holds this very certificate, or the authority of this very leaf."""
    program = certutil()
    if program is None or not (store.folder / "cert9.db").is_file():
        return False
    kept = _output(program, "-d", store.address, "-L", "-n", NICKNAME, "-a")
    wanted = leaf.authority if store.family == "firefox" else leaf.certificate
    return wanted is not None and "".join(kept.split()) == "".join(wanted.decode("ascii").split())


def _remove(store: BrowserStore) -> bool:
    """Delete every certificate of our name; an older one may still be there."""
    program = _needed()
    removed = False
    for _ in range(8):
        command = [program, "-d", store.address, "-D", "-n", NICKNAME]
        if _result(command).returncode != 0:
            break
        removed = True
    return removed


def _run(*arguments: str, store: BrowserStore) -> None:
    result = _result([_needed(), "-d", store.address, *arguments])
    if result.returncode != 0:
        cause = " ".join(result.stderr.split())[:200]
        raise InputRefused("agent.browser_store", folder=store.folder, cause=cause)


def _needed() -> str:
    program = certutil()
    if program is None:
        raise InputRefused("agent.certutil_missing")
    return program


def _output(*command: str) -> str:
    return _result(list(command)).stdout


def _result(command: list[str]) -> subprocess.CompletedProcess[str]:
    # Without input: a database with a password of its own must fail instead of waiting for one.
    return subprocess.run(  # noqa: S603 - a fixed program with our own paths, no shell
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_DEADLINE_S,
        check=False,
    )


def by_hand(leaf: Leaf, platform: str = sys.platform) -> str:
    """Return the code of the text that says how a person does it where certutil cannot."""
    if platform == "darwin":
        return "agent.install_macos"
    if platform == "win32":
        return "agent.install_windows"
    return "agent.install_by_hand" if leaf.authority is None else "agent.install_by_hand_authority"
