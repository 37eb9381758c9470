"""Whom the person has permitted: web pages by origin, and for each the places it may fetch from and deliver to.

A page is known by the Origin that the browser states (RFC 6454); a page cannot change it. Each permission was given
by the person, in the window or with ``kyso desk agent allow``, and is kept in a file of the user's own, mode 0600.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from kyso.fetch import origin_of
from kyso.frozen import dataclass
from kyso.plugin import InputRefused
from kyso.text import shown

SCHEMA = "kyso.agent-origins/1"
FILE_NAME = "origins.json"
MOST_PLACES = 20
_GREATEST_FILE = 1 << 20
_LONGEST_ORIGIN = 300


@dataclass(frozen=True, slots=True)
class Permission:
    """What one origin may do.

    :param places: further origins it may name in its addresses; its own is always among them.
    :param private: places inside the network or on this machine that the person has confirmed to be so.
    :param certificate: whether it may learn the signer's certificate, which holds a citizen's number.
    """

    origin: str
    granted_at: datetime
    places: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    certificate: bool = False

    @property
    def all_places(self) -> frozenset[str]:
        """Its own origin and the further places."""
        return frozenset((self.origin, *self.places))


def page_origin(header: str) -> str:
    """Return the origin that a browser states, as it is kept.

    :raises InputRefused: it is none of a web page: missing, ``null``, a file, an extension, or more than an origin.
    """
    parts = _split(header)
    if parts is None or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise InputRefused("agent.origin_wrong", origin=shown(header)[:120])
    return origin_of(parts)


def place_of(url: str) -> str:
    """Return the origin of an address that a page named.

    :raises InputRefused: it is no web address, or carries a name and password.
    """
    parts = _split(url)
    if parts is None or "@" in parts.netloc:
        raise InputRefused("agent.address_wrong", url=shown(url)[:120])
    return origin_of(parts)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or len(parts.netloc) > _LONGEST_ORIGIN:
        return None
    # A name must mean the same to the person who reads it and to the resolver.
    if any(character <= " " or character == "\\" for character in url) or not parts.hostname.isascii():
        return None
    return parts


def is_encrypted(origin: str) -> bool:
    """Tell whether what an origin shows cannot be changed on the way: TLS, or this machine itself."""
    return origin.startswith("https://") or is_this_machine(origin)


def is_this_machine(origin: str) -> bool:
    """Tell whether an origin is on this machine by its very name; a name that only resolves to it is not."""
    host = urlsplit(origin).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class OriginStore:
    """The permissions, read anew for each question: the command line may change them while the agent runs."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = folder / FILE_NAME
        self._now = now
        self._lock = threading.Lock()

    def all(self) -> tuple[Permission, ...]:
        """Return every permission, by origin.

        :raises InputRefused: the file is damaged; nobody is permitted then.
        """
        return tuple(sorted(self._read().values(), key=lambda permission: permission.origin))

    def find(self, origin: str) -> Permission | None:
        """Return the permission of an origin, ``None`` without one. Errors as :meth:`all`."""
        return self._read().get(origin)

    def permit(
        self, origin: str, *, places: tuple[str, ...] = (), private: tuple[str, ...] = (), certificate: bool = False
    ) -> Permission:
        """Add to what an origin may do, and return all of it.

        :raises InputRefused: it would be more places than one origin may have.
        """
        with self._lock:
            known = self._read()
            before = known.get(origin) or Permission(origin, self._now())
            after = dataclasses.replace(
                before,
                places=_joined(before.places, tuple(place for place in places if place != origin)),
                private=_joined(before.private, private),
                certificate=before.certificate or certificate,
            )
            if len(after.places) > MOST_PLACES:
                raise InputRefused("agent.too_many_places", origin=origin, most=MOST_PLACES)
            known[origin] = after
            self._write(known)
            return after

    def forget(self, origin: str) -> bool:
        """Take an origin's permission back; tell whether it had one."""
        with self._lock:
            known = self._read()
            if known.pop(origin, None) is None:
                return False
            self._write(known)
            return True

    def _read(self) -> dict[str, Permission]:
        try:
            with self._path.open("rb") as file:
                data = file.read(_GREATEST_FILE + 1)
        except FileNotFoundError:
            return {}
        except OSError as cause:
            raise InputRefused("agent.store_unreadable", path=self._path) from cause
        try:
            table = json.loads(data)
            if len(data) > _GREATEST_FILE or table["schema"] != SCHEMA:
                raise ValueError("schema")
            return {entry["origin"]: _permission(entry) for entry in table["origins"]}
        except (ValueError, KeyError, TypeError, RecursionError) as cause:
            raise InputRefused("agent.store_unreadable", path=self._path) from cause

    def _write(self, known: dict[str, Permission]) -> None:
        table = {"schema": SCHEMA, "origins": [_entry(permission) for permission in known.values()]}
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._path.with_name(f"{FILE_NAME}.{os.getpid()}.part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor with a mode of its own
            json.dump(table, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)


def _joined(before: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*before, *more)))


def _permission(entry: dict[str, object]) -> Permission:
    places, private = entry["places"], entry["private"]
    if not isinstance(places, list) or not isinstance(private, list):
        raise TypeError("places")
    return Permission(
        origin=page_origin(str(entry["origin"])),
        granted_at=datetime.fromisoformat(str(entry["granted_at"])),
        places=tuple(place_of(str(place)) for place in places),
        private=tuple(place_of(str(place)) for place in private),
        certificate=entry["certificate"] is True,
    )


def _entry(permission: Permission) -> dict[str, object]:
    return {
        "origin": permission.origin,
        "granted_at": permission.granted_at.isoformat(),
        "places": list(permission.places),
        "private": list(permission.private),
        "certificate": permission.certificate,
    }
