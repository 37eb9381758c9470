"""The dossier's folder: everything about one dossier, written so that a crash at any moment leaves it usable.

::

    dossier.json         what a person entered, completed and coded
    authentication.xml   the bytes that are signed
    accountant.xml       the chief accountant's envelope        holder.xml   the account holder's
    attachments/         the signed PDFs
    state.json           how far it is, SHA-256 of every file, intents, history
    answers/             what the gateway answered, without tokens

Every file is written beside its place, flushed, and renamed over it; ``state.json`` last. A password or token never
comes here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast, get_args

from kyso.plugin import VIETNAM_TIME, InputRefused
from kyso_kbnn.body import own_json, to_json_bytes
from kyso_kbnn.dossier import Dossier
from kyso_kbnn.envelope import Role
from kyso_kbnn.profile import Profile
from kyso_kbnn.reading import parse_json, read_dossier

SCHEMA = "kyso.kbnn.state/1"

State = Literal[
    "drafted",
    "accountant_signed",
    "holder_signed",
    "uploaded",
    "sending",
    "sent",
    "accepted",
    "returned",
]
"""How far a dossier is. ``sending``: the intent is recorded, the outcome not yet known."""

CONTENT_FILE = "authentication.xml"
DOSSIER_FILE = "dossier.json"
STATE_FILE = "state.json"
ENVELOPE_FILES: Mapping[Role, str] = {"accountant": "accountant.xml", "holder": "holder.xml"}
ATTACHMENTS = "attachments"
ANSWERS = "answers"


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What a signer signed with.

    :param form: ``file``, ``token`` or ``remote`` (letter 7204 lets a unit use one of the last two at a time).
    """

    form: str
    certificate_sha256: str
    username: str = ""


@dataclass(frozen=True, slots=True)
class FolderState:
    """The content of state.json."""

    state: State
    code: str
    profile: str
    sha256: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, KeyUse] = field(default_factory=dict)
    pending: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    uploads: Mapping[str, str] = field(default_factory=dict)
    intent: Mapping[str, Any] | None = None
    gateway_status: str = ""
    gateway_file: str = ""
    history: tuple[Mapping[str, Any], ...] = ()

    def noted(self, event: str, now: datetime, **details: object) -> FolderState:
        """Return the state with one more line of history."""
        line = {"time": now.astimezone(VIETNAM_TIME).isoformat(timespec="seconds"), "event": event, **details}
        return replace(self, history=(*self.history, line))


class DossierFolder:
    """One dossier on disk."""

    def __init__(self, path: Path, profile: Profile) -> None:
        self.path = path
        self._profile = profile

    # ------------------------------------------------------------------------------------------------ creating

    @classmethod
    def create(cls, path: Path, dossier: Dossier, content: bytes, profile: Profile, now: datetime) -> DossierFolder:
        """Write a new dossier that nobody has signed.

        :param content: the authentication data.
        :raises InputRefused: there is already a dossier, or the folder cannot be written.
        """
        folder = cls(path, profile)
        try:
            path.mkdir(parents=True, exist_ok=True)
            if folder._file(STATE_FILE).exists():
                raise InputRefused("kbnn.folder_exists", name=str(path))
            folder._write(DOSSIER_FILE, to_json_bytes(own_json(dossier, profile), indent=2))
            folder._write(CONTENT_FILE, content)
        except OSError as cause:
            raise InputRefused("kbnn.folder_unwritable", name=str(path), cause=cause.strerror or "") from cause
        state = FolderState("drafted", dossier.code, f"{profile.id} {profile.version}")
        names = (DOSSIER_FILE, CONTENT_FILE)
        sums = {name: hashlib.sha256(folder.read(name)).hexdigest() for name in names}
        folder.save(replace(state, sha256=sums).noted("drafted", now))
        return folder

    # ------------------------------------------------------------------------------------------------- reading

    def state(self) -> FolderState:
        """Read state.json.

        :raises InputRefused: it is missing or not what kyso wrote.
        """
        raw = parse_json(self.read(STATE_FILE), STATE_FILE)
        try:
            if raw["schema"] != SCHEMA or raw["state"] not in get_args(State):
                raise ValueError("schema")
            return FolderState(
                cast(State, raw["state"]),
                str(raw["code"]),
                str(raw["profile"]),
                {str(name): str(value) for name, value in raw["sha256"].items()},
                {str(role): KeyUse(**use) for role, use in raw["keys"].items()},
                dict(raw["pending"]),
                {str(name): str(value) for name, value in raw["uploads"].items()},
                raw["intent"],
                str(raw["gateway_status"]),
                str(raw["gateway_file"]),
                tuple(raw["history"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as cause:
            raise InputRefused("kbnn.state_unreadable", name=str(self.path)) from cause

    def read(self, name: str) -> bytes:
        """Read one file of the folder.

        :raises InputRefused: it is not there.
        """
        try:
            return self._file(name).read_bytes()
        except OSError as cause:
            raise InputRefused("kbnn.folder_incomplete", name=str(self.path), file=name) from cause

    def read_if_there(self, name: str) -> bytes | None:
        """Read one file, ``None`` where there is none."""
        return self.read(name) if self._file(name).exists() else None

    def envelope(self, state: FolderState, role: Role) -> bytes | None:
        """Return the envelope of a finished signing; a file that the state does not know is no signature yet."""
        name = ENVELOPE_FILES[role]
        return self.read(name) if name in state.sha256 else None

    def dossier(self) -> Dossier:
        """Read dossier.json.

        :raises InputRefused: a value in it is no longer what kyso wrote.
        """
        draft = read_dossier(parse_json(self.read(DOSSIER_FILE), DOSSIER_FILE), self._profile, name=DOSSIER_FILE)
        if draft.wrong:
            raise InputRefused("kbnn.dossier_changed", name=str(self.path), file=DOSSIER_FILE)
        return draft.dossier

    def changed_files(self, state: FolderState) -> list[str]:
        """Return the files whose SHA-256 is no longer the kept one, or that are gone."""
        changed: list[str] = []
        for name, expected in state.sha256.items():
            file = self._file(name)
            if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != expected:
                changed.append(name)
        return changed

    # ------------------------------------------------------------------------------------------------- writing

    def put(self, state: FolderState, name: str, data: bytes) -> FolderState:
        """Write a file and return the state that knows its SHA-256; :meth:`save` makes it last."""
        self._write(name, data)
        return replace(state, sha256={**state.sha256, name: hashlib.sha256(data).hexdigest()})

    def put_answer(self, name: str, data: bytes) -> None:
        """Keep what the gateway answered."""
        self._write(f"{ANSWERS}/{name}", data)

    def save(self, state: FolderState) -> None:
        """Write state.json; this is what makes a step done."""
        raw = {
            "schema": SCHEMA,
            "state": state.state,
            "code": state.code,
            "profile": state.profile,
            "sha256": dict(state.sha256),
            "keys": {
                role: {"form": use.form, "certificate_sha256": use.certificate_sha256, "username": use.username}
                for role, use in state.keys.items()
            },
            "pending": dict(state.pending),
            "uploads": dict(state.uploads),
            "intent": state.intent,
            "gateway_status": state.gateway_status,
            "gateway_file": state.gateway_file,
            "history": list(state.history),
        }
        self._write(STATE_FILE, json.dumps(raw, ensure_ascii=False, indent=2).encode("utf-8"))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out while a step is done; the lock goes with the process, however it ends.

        :raises InputRefused: another process works on this dossier.
        """
        try:
            descriptor = os.open(self._file(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as cause:
            raise InputRefused("kbnn.folder_unwritable", name=str(self.path), cause=cause.strerror or "") from cause
        try:
            try:
                _lock(descriptor)
            except OSError as cause:
                raise InputRefused("kbnn.folder_busy", name=str(self.path)) from cause
            yield
        finally:
            os.close(descriptor)

    def _file(self, name: str) -> Path:
        return self.path.joinpath(*name.split("/"))

    def _write(self, name: str, data: bytes) -> None:
        target = self._file(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)


def _sync_folder(path: Path) -> None:
    if os.name == "nt":
        return  # a folder cannot be opened there; NTFS journals the rename
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # only there
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
