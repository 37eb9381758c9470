"""Timestamps from a timestamp authority (TSA) over HTTP: RFC 3161.

::

    with TimestampAuthorities(["http://tsa.example.vn/tsa"]) as authorities:
        stamp = authorities.stamp(digest, "sha256")

Nothing an authority answers is believed before it is checked: that it grants, that the imprint and the nonce are those
that were sent, that the signature over the token holds, and that its certificate is meant for timestamping. Whether the
authority is *trusted* is the verifier's question. Authorities are asked in their order; the one that answered last time
is asked first the next time, so that a batch does not wait for a dead one again and again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from kyso.cms import der
from kyso.cms.encode import NULL, integer, object_identifier, octet_string, sequence
from kyso.cms.read import CmsError
from kyso.errors import RemoteFailed, WrongUse
from kyso.fetch import Fetcher, FetchPolicy
from kyso.frozen import dataclass
from kyso.text import Phrase, shown
from kyso.verification.timestamps import check_token, read_token

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from types import TracebackType

    from kyso.models import DigestName, Notice
    from kyso.verification.timestamps import Token

DEADLINE_S = 20.0
"""Seconds for all authorities together."""
SIZE_CAP = 1 << 20
_NONCE_OCTETS = 8
_GRANTED = (0, 1)  # granted, grantedWithMods
_OIDS: dict[DigestName, str] = {
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_BOOLEAN_TRUE = b"\x01\x01\xff"


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A token that was checked.

    :param token: the TimeStampToken, DER.
    :param time: genTime, the time it states.
    :param url: the authority that gave it.
    """

    token: bytes
    time: datetime
    url: str


def check_wanted(urls: Sequence[str], *, online: bool) -> None:
    """Refuse a level that needs a timestamp where none can be had; asked before any key is used.

    :raises WrongUse: no authority is known, or the network may not be used.
    """
    if not urls:
        raise WrongUse("tsa.none_configured")
    if not online:
        raise WrongUse("tsa.offline", urls=urls)


class TimestampAuthorities:
    """The authorities of one run. Usable from several threads.

    :param urls: from the command line or the configuration, tried in order. As the operator names them, they may be
        in the office's own network.
    :param deadline_s: seconds for one timestamp, all authorities together.
    """

    def __init__(
        self, urls: Sequence[str], *, deadline_s: float = DEADLINE_S, policy: FetchPolicy | None = None
    ) -> None:
        self._urls = tuple(urls)
        self._first = 0
        # Each has its share, so that a dead one leaves time for the next.
        share = deadline_s / max(len(self._urls), 1)
        self._fetcher = Fetcher(
            policy or FetchPolicy(deadline_s=share, size_cap=SIZE_CAP, redirects=0, allow_private=True)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close kept connections. Closing twice is harmless."""
        self._fetcher.close()

    def stamp(self, digest: bytes, digest_name: DigestName) -> Timestamp:
        """Return a timestamp over `digest`.

        :raises RemoteFailed: no authority gave a usable one in time; the error says what each answered.
        """
        failures: list[Phrase] = []
        for position in range(len(self._urls)):
            number = (self._first + position) % len(self._urls)
            url = self._urls[number]
            try:
                stamp = self._ask(url, digest, digest_name)
            except RemoteFailed as error:
                failures.append(Phrase("tsa.one_failed", {"url": url, "cause": Phrase(error.code, error.parameters)}))
                continue
            self._first = number
            return stamp
        raise RemoteFailed("tsa.all_failed", failures=failures)

    def _ask(self, url: str, digest: bytes, digest_name: DigestName) -> Timestamp:
        nonce = int.from_bytes(os.urandom(_NONCE_OCTETS), "big") | 1
        answer = self._fetcher.request(
            "POST",
            url,
            body=request_for(digest, digest_name, nonce),
            headers={"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"},
        )
        if answer.status != 200:
            raise RemoteFailed("tsa.http_status", status=answer.status)
        token = token_from(answer.body, digest, digest_name, nonce)
        return Timestamp(token.raw, token.time, url)


@dataclass(frozen=True, slots=True)
class _Granted:
    raw: bytes
    time: datetime


def request_for(digest: bytes, digest_name: DigestName, nonce: int) -> bytes:
    """Return a TimeStampReq (RFC 3161, 2.4.1) that asks for the authority's certificate too."""
    # The NULL is what older authorities insist on and newer ones accept.
    algorithm = sequence(object_identifier(_OIDS[digest_name]), NULL)
    return sequence(integer(1), sequence(algorithm, octet_string(digest)), integer(nonce), _BOOLEAN_TRUE)


def token_from(response: bytes, digest: bytes, digest_name: DigestName, nonce: int) -> _Granted:
    """Take the token out of a TimeStampResp (RFC 3161, 2.4.2), checked against what was asked.

    :raises RemoteFailed: refused, malformed, about something else, or signed in a way that proves nothing.
    """
    try:
        parts = der.Parts(der.read_all(response))
        status = der.Parts(parts.take(der.SEQUENCE))
        code = der.integer(status.take(der.INTEGER))
        if code not in _GRANTED:
            raise RemoteFailed("tsa.refused", status=code, said=_said(status))
        raw = parts.take(der.SEQUENCE).raw
        token = read_token(raw)
        stated = _nonce(token)
    except der.DerError as error:
        raise RemoteFailed("tsa.malformed") from error
    except CmsError as error:
        raise RemoteFailed("tsa.unusable", cause=Phrase(error.code)) from error
    if token.imprint_digest != digest_name or token.imprint != digest:
        raise RemoteFailed("tsa.other_data")
    if stated != nonce:
        raise RemoteFailed("tsa.other_answer")
    check = check_token(token, lambda name: digest if name == digest_name else b"", ())
    problems: tuple[Notice, ...] = (*check.cms.reasons, *check.cms.weak)
    if check.cms.status != "intact" or problems:
        cause = Phrase(problems[0].code, problems[0].parameters) if problems else Phrase("timestamp.malformed")
        raise RemoteFailed("tsa.unusable", cause=cause)
    return _Granted(raw, token.time)


def _said(status: der.Parts) -> str:
    """Return what a refusing authority says in words: the texts of PKIFreeText, joined."""
    words = status.optional(der.SEQUENCE)
    texts = [] if words is None else [der.text(item) for item in words.children()[:8]]
    return shown(" ".join(texts))[:300] or "-"


def _nonce(token: Token) -> int | None:
    """Return the nonce of TSTInfo."""
    parts = der.Parts(der.read_all(token.signed_data.content or b""))
    for tag in (der.INTEGER, der.OBJECT_IDENTIFIER, der.SEQUENCE, der.INTEGER, der.GENERALIZED_TIME):
        parts.take(tag)
    parts.optional(der.SEQUENCE)  # accuracy
    parts.optional(der.BOOLEAN)  # ordering
    nonce = parts.optional(der.INTEGER)
    return None if nonce is None else der.integer(nonce)
