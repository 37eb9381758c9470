"""The tokens that callers show: made once, kept as a digest, limited to scopes and keys.

A token is ``kyso_ID_SECRET``. The identifier finds the row; of the secret (256 random bits) only its SHA-256 is kept,
so that a copy of the database opens nothing. With so much chance in it a slow hash adds nothing but work.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

import sqlalchemy as sa

from kyso.frozen import dataclass
from kyso.plugin import Secret, WrongUse
from kyso_api.schema import TOKENS

if TYPE_CHECKING:
    from kyso.records.store import Records

ScopeName = Literal["sign", "verify", "extend", "preview", "export", "plugins", "metrics"]
SCOPES: tuple[ScopeName, ...] = get_args(ScopeName)

_FORM = re.compile(r"kyso_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_GREATEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Token:
    """What a token permits.

    :param name: who it is for, as the administrator called it; appears in logs.
    :param scopes: what it may do.
    :param keys: names of the configured keys it may sign with; empty means every configured key.
    :param rate_per_minute: instead of the service's own limit.
    :param webhook_secret: what its webhooks are signed with, as text.
    """

    id: str
    name: str
    scopes: frozenset[str]
    keys: tuple[str, ...]
    rate_per_minute: int | None
    webhook_secret: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Tell whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def may_use(self, key: str) -> bool:
        """Tell whether it may sign with the configured key of that name."""
        return not self.keys or key in self.keys


def create(
    records: Records,
    name: str,
    scopes: Collection[str],
    *,
    keys: Sequence[str] = (),
    days: int | None = None,
    rate_per_minute: int | None = None,
) -> tuple[Token, Secret]:
    """Make a token and return it with its text, which nobody can read again.

    :param days: how long it is valid; ``None`` without end.
    :raises WrongUse: no or too long a name, an unknown scope, a number that is not positive.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise WrongUse("api.scope_unknown", names=unknown or ["-"], known=SCOPES)
    if not name.strip() or len(name) > _GREATEST_NAME:
        raise WrongUse("api.token_name", limit=_GREATEST_NAME)
    if (days is not None and not 0 < days <= 36500) or (rate_per_minute is not None and rate_per_minute < 1):
        raise WrongUse("api.not_positive", value=days if days is not None else rate_per_minute)
    identifier, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    token = Token(
        identifier,
        name.strip(),
        frozenset(scopes),
        tuple(keys),
        rate_per_minute,
        secrets.token_urlsafe(32),
        now,
        None if days is None else now + timedelta(days=days),
    )
    row = {
        "id": token.id,
        "name": token.name,
        "digest": _digest(secret),
        "scopes": json.dumps(sorted(token.scopes)),
        "keys": json.dumps(list(token.keys)),
        "rate_per_minute": rate_per_minute,
        "webhook_secret": token.webhook_secret,
        "created_at": now,
        "expires_at": token.expires_at,
    }
    with records.begin() as connection:
        connection.execute(sa.insert(TOKENS).values(**row))
    return token, Secret(f"kyso_{identifier}_{secret}")


def find(records: Records, shown: str) -> Token | None:
    """Return the token whose text is `shown`, ``None`` where there is none; it may be revoked or expired."""
    parts = _FORM.fullmatch(shown)
    if parts is None:
        return None
    with records.begin() as connection:
        row = connection.execute(sa.select(TOKENS).where(TOKENS.c.id == parts[1])).one_or_none()
    if row is None or not hmac.compare_digest(row.digest, _digest(parts[2])):
        return None
    return _token(row)


def by_id(records: Records, identifier: str) -> Token | None:
    """Return a token by its identifier."""
    with records.begin() as connection:
        row = connection.execute(sa.select(TOKENS).where(TOKENS.c.id == identifier)).one_or_none()
    return None if row is None else _token(row)


def everyone(records: Records) -> list[Token]:
    """Return every token, oldest first, also those that are no longer valid."""
    with records.begin() as connection:
        return [_token(row) for row in connection.execute(sa.select(TOKENS).order_by(TOKENS.c.created_at))]


def revoke(records: Records, identifier: str) -> Token:
    """End a token. Ending it twice is harmless.

    :raises WrongUse: there is none of that identifier.
    """
    with records.begin() as connection:
        connection.execute(
            sa.update(TOKENS)
            .where(TOKENS.c.id == identifier, TOKENS.c.revoked_at.is_(None))
            .values(revoked_at=datetime.now(UTC))
        )
        row = connection.execute(sa.select(TOKENS).where(TOKENS.c.id == identifier)).one_or_none()
    if row is None:
        raise WrongUse("api.token_unknown", id=identifier)
    return _token(row)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: sa.Row[Any]) -> Token:
    values = dict(row._mapping)
    values.pop("digest")
    scopes, keys = json.loads(values.pop("scopes")), json.loads(values.pop("keys"))
    return Token(scopes=frozenset(scopes), keys=tuple(keys), **values)
