"""Calls to a provider: JSON and forms over the guarded fetcher, with every failure named.

A call is repeated by itself only where repeating cannot ask the person twice: when nothing was sent at all, or when
the call only reads.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from kyso.fetch import Fetcher, FetchFailed
from kyso.plugin import RemoteFailed

_TRIES = 3
_PAUSE_S = 0.3


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider answered.

    :param data: the JSON value: an object or a list.
    """

    status: int
    data: Any

    @property
    def ok(self) -> bool:
        """Whether HTTP calls it a success."""
        return 200 <= self.status < 300

    def table(self) -> dict[str, Any]:
        """Return the JSON object; a list or anything else counts as an empty one."""
        return self.data if isinstance(self.data, dict) else {}


class Transport:
    """Talks to one provider."""

    def __init__(self, fetcher: Fetcher, base_url: str, provider: str) -> None:
        self._fetcher = fetcher
        self._base_url = base_url
        self.provider = provider

    def post_json(
        self, path: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None, reading: bool = False
    ) -> Reply:
        """POST a JSON object.

        :param reading: whether the call changes nothing on the other side and may be repeated.
        :raises RemoteFailed: no answer, or one that is not JSON.
        """
        return self._call("POST", path, json.dumps(body).encode(), "application/json", headers, reading=reading)

    def post_form(
        self, path: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None, reading: bool = False
    ) -> Reply:
        """POST a form, as OAuth 2.0 asks for it (RFC 6749, 4.1.3)."""
        body = urlencode(fields).encode()
        return self._call("POST", path, body, "application/x-www-form-urlencoded", headers, reading=reading)

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """GET something; always a reading."""
        return self._call("GET", path, None, None, headers, reading=True)

    def _call(
        self,
        method: str,
        path: str,
        body: bytes | None,
        content_type: str | None,
        headers: Mapping[str, str] | None,
        *,
        reading: bool,
    ) -> Reply:
        sending = {"Accept": "application/json", **(headers or {})}
        if content_type is not None:
            sending["Content-Type"] = content_type
        for remaining in reversed(range(_TRIES)):
            try:
                answer = self._fetcher.request(method, self._base_url + path, body=body, headers=sending)
                break
            except FetchFailed as failed:
                if remaining == 0 or not _worth_repeating(failed, reading=reading):
                    raise
                time.sleep(_PAUSE_S)
        try:
            data = json.loads(answer.body) if answer.body.strip() else {}
        except (ValueError, RecursionError) as cause:
            raise self.malformed(f"HTTP {answer.status}") from cause
        return Reply(answer.status, data)

    def malformed(self, detail: str) -> RemoteFailed:
        """Return the error for an answer that cannot be understood."""
        return RemoteFailed("remote.answer_malformed", provider=self.provider, detail=detail)

    def failed(self, code: object, text: object) -> RemoteFailed:
        """Return the error for a failure that the provider reports and that has no name here."""
        return RemoteFailed("remote.failed", provider=self.provider, status=str(code)[:40], text=str(text or "-")[:200])

    def decoded(self, value: object, what: str) -> bytes:
        """Return Base64 text as octets; providers wrap it in lines.

        :raises RemoteFailed: it is not Base64.
        """
        if not isinstance(value, str):
            raise self.malformed(what)
        try:
            return base64.b64decode("".join(value.split()), validate=True)
        except (ValueError, binascii.Error) as cause:
            raise self.malformed(what) from cause


def _worth_repeating(failed: FetchFailed, *, reading: bool) -> bool:
    if failed.code in {"fetch.unreachable", "fetch.unresolvable"}:
        return True
    return failed.code == "fetch.dropped" and (reading or not failed.sent)
