"""The client of KBNN-Gateway (chapter II, V and VI) with its six services.

One session is one ``with`` block::

    with GatewayClient(profile, credentials, ...) as gateway:
        answer = gateway.status(["K26_1055433_221100001"])

Tokens live in memory and nowhere else. What may be repeated is repeated once after the token expired; sending a dossier
is not among it unless the gateway itself said that it was not taken. Everything goes through the one fetch guard.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from kyso.fetch import Answer, Fetcher, FetchFailed, FetchPolicy
from kyso.plugin import InputRefused, RemoteFailed, Secret
from kyso_kbnn.body import to_json_bytes
from kyso_kbnn.gateway_encoding import BytesSent, FileForm, hashed_data
from kyso_kbnn.profile import Profile
from kyso_kbnn.reading import parse_json

_RENEW_BEFORE = timedelta(seconds=30)
_PDF = b"%PDF-"
_GREATEST_TOKEN = 16_384
_PAUSES_S = (0.5, 2.0)
_BUSY = frozenset({429, 502, 503, 504})
_PASSING = frozenset({"fetch.dropped", "fetch.unreachable", "fetch.unresolvable"})
LoginTold = Callable[[str], None]
"""Told after each login: ``ok``, or the kind of refusal."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The login; only the account holder's account is let in (III, 1.2).

    :param computer_ip: the client's public address, :param computer_name: its name; both are asked for by Login.
    """

    username: str
    password: Secret
    budget_code: str
    computer_ip: str
    computer_name: str
    description: str = "kyso"


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """What the gateway says about one dossier.

    :param state: the state here, ``None`` for words the profile does not know.
    :param amount: the total, where the gateway names one.
    """

    code: str
    state: str | None
    words: str
    title: str = ""
    time: str = ""
    reason: str = ""
    file: str = ""
    amount: int | None = None


class GatewayRefused(RemoteFailed):
    """The gateway answered and said no; `refusal` tells which kind of no."""

    @property
    def refusal(self) -> str:
        """One of the profile's error kinds, or ``other``."""
        return str(self.parameters.get("kind", "other"))


class GatewayClient:
    """A session with the gateway. Not for several threads at once.

    :param url: base address; ``None`` takes the profile's.
    :param allow_private: permit a gateway on a private address or loopback (a simulator, a proxy of the agency).
    :param pauses_s: how long to wait before each repetition of a call that may be repeated.
    :param on_login: told after each login.
    """

    def __init__(
        self,
        profile: Profile,
        credentials: Credentials,
        *,
        url: str | None = None,
        deadline_s: float = 60.0,
        allow_private: bool = False,
        pauses_s: Sequence[float] = _PAUSES_S,
        on_login: LoginTold = lambda outcome: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._profile = profile
        self._pauses_s = tuple(pauses_s)
        self._on_login = on_login
        self._form = profile.gateway
        self._credentials = credentials
        self._base = (url or profile.gateway.url).rstrip("/")
        self._now = now
        policy = FetchPolicy(
            deadline_s=deadline_s,
            size_cap=profile.limits.attachment_bytes,
            redirects=0,
            allow_private=allow_private,
            plain_http="loopback" if allow_private else "refuse",
        )
        self._fetcher = Fetcher(policy)
        self._token: Secret | None = None
        self._salt_token: Secret | None = None
        self._expires_at = now()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.logout()
        except RemoteFailed:
            self._forget()  # the token expires by itself; what went before matters more than this goodbye
        finally:
            self._fetcher.close()

    @property
    def username(self) -> str:
        """The account that logs in: the account holder's."""
        return self._credentials.username

    # ------------------------------------------------------------------------------------------------ the six calls

    def login(self) -> None:
        """Log in and keep the tokens.

        :raises GatewayRefused: the account or password is not accepted, or is not the account holder's.
        """
        given = self._credentials
        body = {
            "UserName": given.username,
            "Password": given.password.reveal(),
            "BudgetCode": given.budget_code,
            "ComputerIP": given.computer_ip,
            "ComputerName": given.computer_name,
            "Description": given.description,
        }
        content = to_json_bytes(body)
        try:
            data = self._data(self._repeated(lambda: self._post(self._form.login, content, {})), self._form.login)
        except GatewayRefused as refused:
            self._on_login(refused.refusal)
            raise
        names = self._form.login_response
        try:
            token, salt_token = data[names.token], data[names.private_token]
            lifetime = int(data.get(names.expires_in_seconds) or names.default_lifetime_seconds)
            if not all(isinstance(one, str) and 0 < len(one) <= _GREATEST_TOKEN for one in (token, salt_token)):
                raise ValueError("token")
        except (KeyError, TypeError, ValueError) as cause:
            raise RemoteFailed("kbnn.answer_unreadable", service=self._form.login) from cause
        self._token, self._salt_token = Secret(token), Secret(salt_token)
        self._expires_at = self._now() + timedelta(seconds=max(0, min(lifetime, 86_400)))
        self._on_login("ok")

    def logout(self) -> None:
        """Log out, where a session is open, and forget the tokens."""
        if self._token is None:
            return
        headers = self._authorization()
        self._forget()
        self._result(self._post(self._form.logout, b"", headers), self._form.logout)

    def upload(self, name: str, data: bytes, told: BytesSent | None = None) -> str:
        """Upload one signed PDF and return its fileId.

        :param told: hears how many bytes are on their way.
        :raises InputRefused: no PDF, or larger than the profile allows.
        :raises RemoteFailed: the gateway refused it or failed; uploading again is safe.
        """
        if not data.startswith(_PDF):
            raise InputRefused("kbnn.attachment_no_pdf", name=name)
        if len(data) > self._profile.limits.attachment_bytes:
            raise InputRefused("kbnn.input_too_large", name=name, limit=self._profile.limits.attachment_bytes)
        field = self._form.upload_field

        def once() -> Answer:
            form = FileForm(field, name, data, told)
            return self._post(self._form.upload, form, {**self._authorization(), **form.headers})

        answer = self._with_session(once)
        found = self._data(answer, self._form.upload)
        first = found[0] if isinstance(found, list) and found else found
        file_id = first.get(self._form.upload_response.file_id) if isinstance(first, dict) else None
        if not isinstance(file_id, str) or not file_id:
            raise RemoteFailed("kbnn.answer_unreadable", service=self._form.upload)
        return file_id

    def send(self, objects: Mapping[str, Any], login_info: Mapping[str, Secret | str]) -> bytes:
        """Send a dossier, once. The body with the password exists during this call only.

        :param objects: the body without LoginInfo.
        :returns: the gateway's answer.
        :raises GatewayRefused: it was answered and not taken.
        :raises FetchFailed: `sent` tells whether it may have been taken.
        """
        self.ensure_session()
        answer = self._send_once(objects, login_info)
        if self._expired(answer):
            # The gateway itself says that it did not look at the body.
            self.login()
            answer = self._send_once(objects, login_info)
        self._result(answer, self._form.send)
        return answer.body

    def status(self, codes: Sequence[str]) -> list[StatusAnswer]:
        """Ask for the state of dossiers."""
        name = self._form.status_parameter.code
        body = to_json_bytes([{name: code} for code in codes])
        answer = self._with_session(lambda: self._post(self._form.status, body, self._hashed(body)))
        found = self._data(answer, self._form.status)
        if not isinstance(found, list):
            raise RemoteFailed("kbnn.answer_unreadable", service=self._form.status)
        return [self._status(one) for one in found[:1000] if isinstance(one, dict)]

    def download(self, path: str) -> bytes:
        """Download a file that a status named, such as the debit note.

        :raises RemoteFailed: the gateway failed or answered with something else than a PDF.
        """
        url = f"{self._base}/{self._form.download}?{self._form.download_parameter}={quote(path, safe='')}"
        answer = self._repeated(lambda: self._fetcher.request("GET", url))
        if answer.status != 200 or not answer.body.startswith(_PDF):
            raise RemoteFailed("kbnn.download_failed", path=path, status=answer.status)
        return answer.body

    # ------------------------------------------------------------------------------------------------------ private

    def _send_once(self, objects: Mapping[str, Any], login_info: Mapping[str, Secret | str]) -> Answer:
        revealed = {name: one.reveal() if isinstance(one, Secret) else one for name, one in login_info.items()}
        body = to_json_bytes({self._profile.json.login: revealed, **objects})
        return self._post(self._form.send, body, self._hashed(body))

    def _status(self, raw: Mapping[str, Any]) -> StatusAnswer:
        names = self._form.status_response
        text = {field: str(raw.get(name) or "")[:500] for field, name in _texts(names)}
        words = text.pop("status")
        known = {
            word: state
            for state in ("sent", "accepted", "returned", "unknown")
            for word in getattr(self._form.states, state)
        }
        amount = raw.get(names.amount)
        whole = int(amount) if isinstance(amount, int) and not isinstance(amount, bool) else None
        return StatusAnswer(state=known.get(words), words=words, amount=whole, **text)

    def _with_session(self, call: Callable[[], Answer]) -> Answer:
        """Make a call that may be repeated: log in when needed, and once more when the token has expired."""
        self.ensure_session()
        answer = self._repeated(call)
        if self._expired(answer):
            self.login()
            answer = self._repeated(call)
        return answer

    def _repeated(self, call: Callable[[], Answer]) -> Answer:
        """Make a call that changes nothing by being made twice, again after a broken line or a busy gateway."""
        for pause_s in self._pauses_s:
            try:
                answer = call()
            except FetchFailed as failed:
                if failed.code not in _PASSING:
                    raise
            else:
                if answer.status not in _BUSY:
                    return answer
            time.sleep(pause_s)
        return call()

    def ensure_session(self) -> None:
        """Log in where no session is open or the open one is about to expire.

        :raises RemoteFailed: the login fails; nothing else was sent.
        """
        if self._token is None or self._now() >= self._expires_at - _RENEW_BEFORE:
            self.login()

    def _expired(self, answer: Answer) -> bool:
        if answer.status == 401:
            return True
        try:
            return self._code(parse_json(answer.body, "answer")) in self._form.errors.token_expired
        except InputRefused:
            return False

    def _post(self, service: str, body: bytes | FileForm, headers: Mapping[str, str]) -> Answer:
        content_type = {} if "Content-Type" in headers or not body else {"Content-Type": "application/json"}
        return self._fetcher.request("POST", f"{self._base}/{service}", body=body, headers={**content_type, **headers})

    def _authorization(self) -> dict[str, str]:
        if self._token is None:
            raise RemoteFailed("kbnn.no_session")
        value = self._form.authorization_value.format(token=self._token.reveal())
        return {self._form.authorization_header: value}

    def _hashed(self, body: bytes) -> dict[str, str]:
        if self._salt_token is None:
            raise RemoteFailed("kbnn.no_session")
        token = self._salt_token.reveal()
        return {
            **self._authorization(),
            self._form.salt_header: token,
            self._form.hash_header: hashed_data(body, token, self._profile),
        }

    def _result(self, answer: Answer, service: str) -> Any:
        """Return the parsed ServiceResult of a success.

        :raises GatewayRefused: the gateway said no.
        :raises RemoteFailed: a server error, or an answer that cannot be read.
        """
        try:
            raw = parse_json(answer.body, service)
        except InputRefused as cause:
            raise RemoteFailed("kbnn.gateway_failed", service=service, status=answer.status) from cause
        code = self._code(raw)
        names = self._form.result
        if answer.status == 200 and code in names.success:
            return raw
        kind = next((kind for kind in _ERROR_KINDS if code in getattr(self._form.errors, kind)), "other")
        if kind == "other" and answer.status >= 500:
            raise RemoteFailed("kbnn.gateway_failed", service=service, status=answer.status)
        message = str(raw.get(names.message) or "")[:500] if isinstance(raw, dict) else ""
        raise GatewayRefused(_CODES.get(kind, "kbnn.gateway_refused"), kind=kind, answer=message, gateway_code=code)

    def _data(self, answer: Answer, service: str) -> Any:
        raw = self._result(answer, service)
        return raw.get(self._form.result.data)

    def _code(self, raw: Any) -> str:
        return str(raw.get(self._form.result.code, ""))[:40] if isinstance(raw, dict) else ""

    def _forget(self) -> None:
        self._token = self._salt_token = None


_ERROR_KINDS = (
    "token_expired",
    "login_failed",
    "not_account_holder",
    "hash_mismatch",
    "duplicate",
    "refused",
    "suspended",
    "cancelled",
)
_CODES = {
    "login_failed": "kbnn.login_failed",
    "not_account_holder": "kbnn.not_account_holder",
    "suspended": "kbnn.connection_suspended",
    "cancelled": "kbnn.connection_cancelled",
}


def _texts(names: Any) -> list[tuple[str, str]]:
    return [(field, getattr(names, field)) for field in ("code", "status", "title", "time", "reason", "file")]


__all__ = ["Credentials", "FetchFailed", "GatewayClient", "GatewayRefused", "StatusAnswer"]
