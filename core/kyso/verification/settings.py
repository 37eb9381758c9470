"""What a verification is told besides the file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

from kyso.errors import WrongUse
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kyso.config import Config
    from kyso.secret import Secret

RevocationMode = Literal["offline", "prefer", "require"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A row of our own register.

    :param reference: how the register names it: ``12/2026``.
    :param recorded_at: when our machine recorded it.
    """

    reference: str
    recorded_at: datetime


ReceiptBook = Callable[[str], Receipt | None]
"""Finds the receipt of a file by its SHA-256 in lower-case hex."""


@dataclass(frozen=True, slots=True)
class VerificationSettings:
    """The terms of a verification.

    :param trust: files and folders with certificates; only self-signed CAs among them are anchors.
    :param crls: files and folders with certificate revocation lists.
    :param at: replaces the present as the time the letter is judged at; never a signing time. Aware.
    :param now: the present; ``None`` reads the clock.
    :param password: opens an encrypted PDF.
    :param distrust: folders with lists of unsafe certificates, beside those in the folders of `trust`.
    :param revocation: ``offline`` judges by what the document and `crls` hold; ``prefer`` also fetches what is missing
        where `online` permits it; ``require`` does so too, and asks for evidence about every CA of the chain.
    :param online: whether the network may be used.
    :param allow_private: whether addresses of private ranges may be fetched from.
    :param cache: folder of fetched answers; ``None`` is the user's cache folder.
    :param receipts: our own register of incoming letters: returns the receipt of a file by its SHA-256. It proves that
        the file existed then (DESIGN, section 5), to ourselves.
    """

    trust: tuple[Path, ...] = ()
    crls: tuple[Path, ...] = ()
    at: datetime | None = None
    now: datetime | None = None
    password: Secret | None = None
    revocation: RevocationMode = "offline"
    online: bool = False
    allow_private: bool = False
    cache: Path | None = None
    distrust: tuple[Path, ...] = ()
    receipts: ReceiptBook | None = None

    @property
    def moment(self) -> datetime:
        """The time to judge at."""
        return self.at or self.now or datetime.now(UTC)


def settings_from(
    config: Config,
    *,
    trust: Sequence[Path] | None = None,
    crls: Sequence[Path] | None = None,
    at: datetime | None = None,
    now: datetime | None = None,
    password: Secret | None = None,
    revocation: str | None = None,
    online: bool = False,
    receipts: ReceiptBook | None = None,
) -> VerificationSettings:
    """Join what was asked for with the config; what is given replaces the config's entry.

    :param online: whether the network may be used; it then is, unless a revocation mode says otherwise.
    :raises WrongUse: a path that is not there, a time without zone, an unknown revocation mode.
    """
    mode = revocation or config.verification.revocation or ("prefer" if online else "offline")
    if mode not in get_args(RevocationMode):
        raise WrongUse("verification.revocation_mode", mode=mode, choices=get_args(RevocationMode))
    if at is not None and at.tzinfo is None:
        raise WrongUse("verification.time_without_zone", time=at.isoformat())
    own_trust = tuple(config.verification.trust) or _own_folder()
    chosen_trust = own_trust if trust is None else tuple(trust)
    chosen_crls = tuple(config.verification.crl if crls is None else crls)
    for path in (*chosen_trust, *chosen_crls):
        if not Path(path).exists():
            raise WrongUse("verification.path_missing", path=path)
    return VerificationSettings(
        trust=tuple(map(Path, chosen_trust)),
        crls=tuple(map(Path, chosen_crls)),
        at=at,
        now=now,
        password=password,
        revocation=cast("RevocationMode", mode),
        online=online,
        allow_private=config.network.allow_private,
        # What a person ruled out stays ruled out, also where a run brings its own roots.
        distrust=own_trust,
        receipts=receipts,
    )


def _own_folder() -> tuple[Path, ...]:
    """Return the folder that ``kyso trust`` keeps where the configuration names none, if it is there."""
    from kyso.verification.trust_folder import default_folder

    folder = default_folder()
    return (folder,) if folder.is_dir() else ()
