"""The other sides: does a server answer, and does its clock agree. Only with the network permitted.

Every question goes through the fetch guard (:mod:`kyso.fetch`) with a deadline of its own.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from kyso.contracts import Diagnosis
from kyso.diagnosing.clock import clock_against
from kyso.diagnosing.doctor import failure_of
from kyso.errors import RemoteFailed

if TYPE_CHECKING:
    from pathlib import Path

    from kyso.contracts import Examination
    from kyso.fetch import Answer

DEADLINE_S = 10.0
_SIZE_CAP = 1 << 16
# What the guard says after the other side has answered in one way or another.
_ANSWERED = frozenset({"fetch.redirects", "fetch.redirected", "fetch.downgraded", "fetch.too_large", "fetch.encoded"})


class NetworkDiagnostic:
    """Asks each timestamp authority for a timestamp."""

    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        """Return a line for each authority, and one where the clocks differ."""
        urls = examination.config.signing.tsa
        if not urls:
            yield Diagnosis("diagnosing.no_tsa", "ok")
            return
        if not examination.online:
            yield Diagnosis("diagnosing.tsa_not_asked", "ok", {"urls": urls})
            return
        with ThreadPoolExecutor(max_workers=min(len(urls), 8)) as pool:
            for found in pool.map(_timestamp, urls):
                yield from found


def _timestamp(url: str) -> list[Diagnosis]:
    from kyso.extending.timestamp import TimestampAuthorities

    asked = datetime.now(UTC)
    try:
        with TimestampAuthorities([url], deadline_s=DEADLINE_S) as authorities:
            stamp = authorities.stamp(hashlib.sha256(os.urandom(32)).digest(), "sha256")
    except RemoteFailed as error:
        return [failure_of(error)]
    off = clock_against(stamp.time, asked, datetime.now(UTC), urlsplit(url).hostname or url)
    return [Diagnosis("diagnosing.tsa", "ok", {"url": url}), *([] if off is None else [off])]


def reach(
    url: str,
    *,
    allow_private: bool = False,
    plain_http: Literal["allow", "loopback", "refuse"] = "loopback",
    ca_file: Path | None = None,
    client_certificate: Path | None = None,
) -> list[Diagnosis]:
    """Ask a service for its address itself, without logging in: any HTTP answer counts as reachable.

    :param url: base address; :param allow_private: permit private addresses and loopback.
    :param ca_file: PEM file with the accepted TLS roots.
    :returns: that it answers or why not, and a line where its clock differs from ours.
    """
    from kyso.fetch import Fetcher, FetchFailed, FetchPolicy

    host = urlsplit(url).hostname or url
    policy = FetchPolicy(
        deadline_s=DEADLINE_S,
        size_cap=_SIZE_CAP,
        redirects=0,
        allow_private=allow_private,
        plain_http=plain_http,
        ca_file=ca_file,
        client_certificate=client_certificate,
    )
    asked = datetime.now(UTC)
    try:
        with Fetcher(policy) as fetcher:
            answer = fetcher.request("GET", url)
    except FetchFailed as failed:
        if failed.code in _ANSWERED:
            return [Diagnosis("diagnosing.reached", "ok", {"host": host, "status": "-"})]
        return [failure_of(failed)]
    reached = Diagnosis("diagnosing.reached", "ok", {"host": host, "status": answer.status})
    off = _clock(answer, asked, host)
    return [reached, *([] if off is None else [off])]


def _clock(answer: Answer, asked: datetime, host: str) -> Diagnosis | None:
    try:
        other = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return clock_against(other if other.tzinfo else other.replace(tzinfo=UTC), asked, datetime.now(UTC), host)
