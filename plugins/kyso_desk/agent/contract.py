"""What a page may say to the agent and what it gets back: one text in, one JSON object out, then the end.

Everything here comes from a page and is hostile until read: sizes are capped, only known entries are taken, each must
be of its kind. Requests keep what the page may later be shown as its own words in :class:`PageRequest`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from typing import Any

from kyso.frozen import dataclass
from kyso.models import VIETNAM_TIME
from kyso.plugin import InputRefused, Secret, WrongUse
from kyso.text import shown
from kyso_desk.agent.profile import AgentProfile, Operation, Outcome

GREATEST_MESSAGE = 24 << 20
"""Octets of one message: an XML or a text to sign travels inside it, in base64."""

MOST_FILES = 200
MOST_METADATA = 50
_LONGEST_TEXT = 4000
_LONGEST_TOKEN = 16_000
_GREATEST_CONTENT = 16 << 20
_TRUE = frozenset({"true", "1", "yes"})


@dataclass(frozen=True, slots=True)
class AskedFile:
    """One letter that a page wants signed.

    :param url: where it is fetched; empty asks the person to choose a file.
    :param identifier: the page's own number for it, handed back (``FileID`` of SignFiles).
    :param name: the page's name for it; empty without one.
    """

    url: str
    identifier: str | int = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One request, read.

    :param upload_url: where the signed letters are delivered; empty lets the person save them.
    :param content: what is signed or checked as it is: a message or an XML.
    :param signature: the signature to check.
    """

    operation: Operation
    files: tuple[AskedFile, ...] = ()
    upload_url: str = ""
    session: Secret | None = None
    token: Secret | None = None
    number: str = ""
    issued: date | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    content: bytes = b""
    signature: bytes = b""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What the page is told.

    :param entries: whatever else the operation answers with.
    """

    outcome: Outcome
    message: str = ""
    entries: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self, profile: AgentProfile) -> str:
        """Return the text that goes over the socket."""
        answer = {"Status": profile.status[self.outcome], "Message": self.message, **self.entries}
        return json.dumps(answer, ensure_ascii=False)


def read_request(operation: Operation, message: str | bytes, profile: AgentProfile) -> PageRequest:
    """Read what a page sent.

    :raises InputRefused: it is too large, not what the operation takes, or an entry is not of its kind.
    """
    if isinstance(message, bytes):
        raise InputRefused("agent.message_binary")
    text = message.strip()
    if operation.kind in ("version", "certificate"):
        return PageRequest(operation)
    if operation.kind == "challenge":
        return PageRequest(operation, content=_capped(_utf8(message), operation.name))
    if operation.kind in ("message", "xml", "check_xml") and not text.startswith("{"):
        return PageRequest(operation, content=_bare_content(text, operation))
    entries = _object(text, operation.name)
    if operation.kind in ("message", "xml", "check_xml", "check_message"):
        return _content_request(operation, entries)
    return _letter_request(operation, entries, profile)


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise InputRefused("agent.message_not_json", name=name) from cause
    if not isinstance(value, dict):
        raise InputRefused("agent.message_not_json", name=name)
    return value


def _bare_content(text: str, operation: Operation) -> bytes:
    """Read a message without an object around it: base64, or the XML itself."""
    if operation.kind != "message" and text.startswith("<"):
        return _capped(_utf8(text), operation.name)
    return _base64(text, operation.name)


def _content_request(operation: Operation, entries: Mapping[str, Any]) -> PageRequest:
    content = _base64(_text(entries, "Base64Content", _GREATEST_CONTENT * 2), operation.name)
    signature = b""
    if operation.kind == "check_message":
        signature = _base64(_text(entries, "Signature", _GREATEST_CONTENT), "Signature")
    options = {
        name: _text(entries, name) for name in ("HashAlg", "XmlDsigForm", "ReturnSignatureOnly") if name in entries
    }
    return PageRequest(operation, content=content, signature=signature, options=options)


def _letter_request(operation: Operation, entries: Mapping[str, Any], profile: AgentProfile) -> PageRequest:
    one = operation.kind != "letters"
    files = (AskedFile(_text(entries, "FileName").strip()),) if one else _files(entries)
    session, token = _text(entries, "SessionId", _LONGEST_TOKEN), _text(entries, "JWTToken", _LONGEST_TOKEN)
    # They go out as headers: whatever could end one is refused.
    for name, value in (("SessionId", session), ("JWTToken", token)):
        if re.search(r"[^\x21-\x7e]|;", value):
            raise InputRefused("agent.entry_wrong", name=name)
    return PageRequest(
        operation,
        files=files,
        upload_url=_text(entries, "FileUploadHandler").strip(),
        session=Secret(session) if session else None,
        token=Secret(token) if token else None,
        number=_line(_text(entries, "DocNumber")),
        issued=read_date(_text(entries, "IssuedDate"), profile),
        metadata=_metadata(entries),
    )


def _files(entries: Mapping[str, Any]) -> tuple[AskedFile, ...]:
    given = entries.get("Files")
    if not isinstance(given, list) or not given or len(given) > MOST_FILES:
        raise InputRefused("agent.files_wrong", most=MOST_FILES)
    files: list[AskedFile] = []
    for entry in given:
        if not isinstance(entry, dict):
            raise InputRefused("agent.entry_wrong", name="Files")
        identifier = entry.get("FileID", "")
        if isinstance(identifier, bool) or not isinstance(identifier, (str, int)):
            raise InputRefused("agent.entry_wrong", name="FileID")
        url = _text(entry, "URL").strip()
        if not url:
            raise InputRefused("agent.entry_wrong", name="URL")
        kept = identifier[:200] if isinstance(identifier, str) else identifier
        files.append(AskedFile(url, kept, _line(_text(entry, "FileName"))))
    return tuple(files)


def _metadata(entries: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    given = entries.get("MetaData") or []
    if not isinstance(given, list) or len(given) > MOST_METADATA:
        raise InputRefused("agent.entry_wrong", name="MetaData")
    pairs = []
    for entry in given:
        if not isinstance(entry, dict):
            raise InputRefused("agent.entry_wrong", name="MetaData")
        pairs.append((_line(_text(entry, "Key")), _text(entry, "Value")))
    return tuple(pairs)


def _text(entries: Mapping[str, Any], name: str, longest: int = _LONGEST_TEXT) -> str:
    value = entries.get(name)
    if value is None:
        return ""
    if isinstance(value, bool):
        value = "true" if value else "false"
    if isinstance(value, (int, float)):
        value = str(value)
    if not isinstance(value, str) or len(value) > longest:
        raise InputRefused("agent.entry_wrong", name=name)
    return value


def _line(value: str) -> str:
    return " ".join(shown(value).split())


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as cause:
        raise InputRefused("agent.message_not_json", name="UTF-8") from cause


def _base64(text: str, name: str) -> bytes:
    try:
        decoded = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as cause:
        raise InputRefused("agent.not_base64", name=name) from cause
    return _capped(decoded, name)


def _capped(content: bytes, name: str) -> bytes:
    if not content:
        raise InputRefused("agent.content_empty", name=name)
    if len(content) > _GREATEST_CONTENT:
        raise InputRefused("agent.content_too_large", name=name, limit=_GREATEST_CONTENT)
    return content


def is_true(value: str) -> bool:
    """Tell whether the text of an option means yes."""
    return value.strip().lower() in _TRUE


def read_date(text: str, profile: AgentProfile) -> date | None:
    """Read IssuedDate; a moment counts as its day in Vietnam. Empty is ``None``.

    :raises InputRefused: it is no date.
    """
    text = text.strip()
    if not text:
        return None
    for pattern in profile.date_patterns:
        try:
            return datetime.strptime(text, pattern).date()
        except ValueError:
            continue
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as cause:
        raise InputRefused("agent.entry_wrong", name="IssuedDate") from cause
    return moment.date() if moment.tzinfo is None else moment.astimezone(VIETNAM_TIME).date()


def operation_of(path: str, profile: AgentProfile) -> Operation:
    """Return the operation behind the path of a socket.

    :raises WrongUse: there is none of that name.
    """
    name = path.partition("?")[0].strip("/")
    found = profile.operations.get(name)
    if found is None:
        raise WrongUse("agent.operation_unknown", name=shown(name)[:80])
    return found
