"""Fetching a letter from where a page says it is, and delivering the signed one where the page wants it.

Both addresses must belong to the places that the person permitted for the calling origin; redirects are held to the
same places. Addresses of private ranges are refused unless the person confirmed the place to be inside the network,
and this machine is reached by its own name only: a name elsewhere that resolves to it gains nothing.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from kyso.fetch import Answer, Fetcher, FetchFailed, FetchPolicy
from kyso.frozen import dataclass
from kyso.plugin import InputRefused, RemoteFailed
from kyso.text import shown
from kyso_desk.agent.contract import PageRequest
from kyso_desk.agent.origins import Permission, is_this_machine, place_of
from kyso_desk.agent.profile import Delivery
from kyso_desk.workspace import safe_name

_ANSWER_CAP = 1 << 20
_LONGEST_TEXT = 2000


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """How much and how long.

    :param size_cap: greatest letter in octets.
    :param deadline_s: seconds for one letter, there or back.
    :param ca_file: PEM file with the only TLS roots to accept; ``None`` takes the system's.
    """

    size_cap: int
    deadline_s: float
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A letter as it arrived.

    :param name: a file name fit to show and to use: no folder, no control characters.
    """

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """What the upload handler answered."""

    name: str
    server_path: str
    message: str


class UploadAnswerWrong(RemoteFailed):
    """The upload handler's answer is not what the contract asks for."""


def places_of(request: PageRequest) -> tuple[str, ...]:
    """Return the origins of every address in a request, each once.

    :raises InputRefused: one of them is no web address.
    """
    urls = [file.url for file in request.files if file.url]
    if request.upload_url:
        urls.append(request.upload_url)
    return tuple(dict.fromkeys(place_of(url) for url in urls))


class Transfer:
    """Fetches and delivers for one origin."""

    def __init__(self, permission: Permission, limits: TransferLimits, delivery: Delivery) -> None:
        self._permission = permission
        self._limits = limits
        self._delivery = delivery

    def fetch(self, url: str, request: PageRequest, name: str = "") -> Fetched:
        """Fetch one letter.

        :raises FetchFailed: refused by the guard, or no complete answer in time.
        :raises RemoteFailed: the answer is no letter.
        """
        with Fetcher(self._policy(url, self._limits.size_cap)) as fetcher:
            answer = fetcher.request("GET", url, headers=self._credentials(request))
        if answer.status != 200:
            raise RemoteFailed("agent.fetch_status", host=urlsplit(url).hostname, status=answer.status)
        if not answer.body:
            raise RemoteFailed("agent.fetch_empty", host=urlsplit(url).hostname)
        return Fetched(safe_name(name or _name_of(answer, url)), answer.body)

    def deliver(self, name: str, data: bytes, request: PageRequest) -> Delivered:
        """Deliver one signed letter.

        :raises FetchFailed: refused by the guard, or no complete answer in time.
        :raises UploadAnswerWrong: the answer is not what the contract asks for.
        :raises RemoteFailed: the handler says that it did not take the letter.
        """
        url = request.upload_url
        fields = request.metadata if self._delivery.metadata_as_fields else ()
        kind, body = multipart(self._delivery.field, name, data, fields)
        with Fetcher(self._policy(url, _ANSWER_CAP)) as fetcher:
            answer = fetcher.request(
                "POST", url, body=body, headers={"Content-Type": kind, **self._credentials(request)}
            )
        return _delivered(answer, urlsplit(url).hostname or "", name)

    def _policy(self, url: str, size_cap: int) -> FetchPolicy:
        place = place_of(url)
        confirmed = place in self._permission.private
        return FetchPolicy(
            deadline_s=self._limits.deadline_s,
            size_cap=size_cap,
            allow_private=confirmed,
            allow_loopback=is_this_machine(place),
            origins=self._permission.all_places,
            ca_file=self._limits.ca_file,
        )

    def _credentials(self, request: PageRequest) -> dict[str, str]:
        headers: dict[str, str] = {}
        if request.token is not None:
            headers[self._delivery.token_header] = self._delivery.token_prefix + request.token.reveal()
        if request.session is not None:
            headers["Cookie"] = f"{self._delivery.session_cookie}={request.session.reveal()}"
        return headers


def is_private_refusal(error: FetchFailed) -> bool:
    """Tell whether a fetch was refused only because the place is inside the network, which a person may confirm."""
    return error.code == "fetch.address_refused"


def _delivered(answer: Answer, host: str, name: str) -> Delivered:
    if not 200 <= answer.status < 300:
        raise RemoteFailed("agent.upload_status", host=host, status=answer.status)
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError) as cause:
        raise UploadAnswerWrong("agent.upload_answer_wrong", host=host) from cause
    if not isinstance(told, dict) or not isinstance(told.get("Status"), bool):
        raise UploadAnswerWrong("agent.upload_answer_wrong", host=host)
    texts = {key: told.get(key) for key in ("Message", "FileName", "FileServer")}
    read = {key: shown(value)[:_LONGEST_TEXT] if isinstance(value, str) else "" for key, value in texts.items()}
    if not told["Status"]:
        raise RemoteFailed("agent.upload_refused", host=host, message=read["Message"][:300])
    return Delivered(read["FileName"] or name, read["FileServer"], read["Message"])


def multipart(field: str, name: str, data: bytes, fields: Iterable[tuple[str, str]] = ()) -> tuple[str, bytes]:
    """Return content type and body of a form with one file (RFC 7578), names quoted as browsers do."""
    boundary = f"kyso-{secrets.token_hex(16)}"
    parts: list[bytes] = []
    for key, value in fields:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(key)}"\r\n\r\n'
        parts += [head.encode("utf-8"), value.encode("utf-8", "replace"), b"\r\n"]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(field)}"; filename="{_quoted(name)}"\r\n'
        f"Content-Type: {'application/pdf' if name.lower().endswith('.pdf') else 'application/octet-stream'}\r\n\r\n"
    )
    parts += [head.encode("utf-8"), data, f"\r\n--{boundary}--\r\n".encode()]
    return f"multipart/form-data; boundary={boundary}", b"".join(parts)


def _quoted(value: str) -> str:
    return value.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


_DISPOSITION = re.compile(r"""filename\*=(?:UTF-8|utf-8)'[^']*'([^;\s]+)|filename="([^"]*)"|filename=([^;\s]+)""")


def _name_of(answer: Answer, url: str) -> str:
    """Return the file name that the server states (RFC 6266), else the last part of the address."""
    found = _DISPOSITION.search(answer.headers.get("content-disposition", ""))
    if found is not None:
        return unquote(found[1]) if found[1] else found[2] or found[3] or ""
    last = PurePosixPath(unquote(urlsplit(url).path)).name
    return last if PurePosixPath(last).suffix else ""


def signed_name(name: str, suffix: str) -> str:
    """Return the name of a signed letter: ``letter.pdf`` becomes ``letter.signed.pdf``; signed twice stays so."""
    path = PurePosixPath(name)
    if path.suffix.lower() != ".pdf":
        return f"{name}{suffix}.pdf"
    return name if path.stem.endswith(suffix) else f"{path.stem}{suffix}{path.suffix}"


def check_uploadable(request: PageRequest) -> None:
    """Refuse an address to deliver to that is none, before anything is signed.

    :raises InputRefused: it is no web address.
    """
    if request.upload_url:
        place_of(request.upload_url)
    elif request.operation.kind == "letters":
        raise InputRefused("agent.entry_wrong", name="FileUploadHandler")
