"""Level B-T at signing: the signature time-stamp inside the CMS (ETSI EN 319 142-1, 6.3; EN 319 122-1, 5.3).

The key has been used when this is asked for, so nothing here fails: an authority that gives no timestamp, or one that
does not fit into the space reserved for the CMS, leaves a signature of level B-B and a notice that says so.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from kyso.errors import RemoteFailed
from kyso.frozen import dataclass
from kyso.models import Notice
from kyso.text import Phrase

if TYPE_CHECKING:
    from collections.abc import Callable

    from kyso.extending.timestamp import TimestampAuthorities
    from kyso.models import DigestName, Level


@dataclass(frozen=True, slots=True)
class StampedCms:
    """The CMS to embed.

    :param level: ``t`` with a timestamp, else ``b``.
    """

    cms: bytes
    level: Level
    notices: tuple[Notice, ...] = ()


def with_signature_time(
    build: Callable[[bytes | None], bytes],
    value: bytes,
    digest: DigestName,
    authorities: TimestampAuthorities,
    room: int,
) -> StampedCms:
    """Build the CMS with a timestamp over the signature value, or without where that cannot be.

    :param build: makes the CMS from a token or from ``None``.
    :param value: the signature value as it stands in the SignerInfo.
    :param room: bytes reserved for the CMS.
    """
    try:
        stamp = authorities.stamp(hashlib.new(digest, value).digest(), digest)
    except RemoteFailed as error:
        notice = Notice("tsa.finished_without", {"cause": Phrase(error.code, error.parameters)})
        return StampedCms(build(None), "b", (notice,))
    cms = build(stamp.token)
    if len(cms) > room:
        notice = Notice("tsa.no_room", {"needed": len(cms), "reserved": room, "url": stamp.url})
        return StampedCms(build(None), "b", (notice,))
    return StampedCms(cms, "t")
