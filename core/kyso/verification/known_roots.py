"""Known fingerprints with names, for comparing a root before a person trusts it. None of them is trusted by itself."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from kyso.cms.certificate import COMMON_NAME, first_attribute
from kyso.frozen import dataclass
from kyso.text import Text

if TYPE_CHECKING:
    from kyso.cms.certificate import Certificate


@dataclass(frozen=True, slots=True)
class KnownRoot:
    """A root whose fingerprint is known.

    :param name: its common name.
    :param scope: what it vouches for.
    :param sha256: fingerprint, lower-case hex.
    :param published_at: where its operator publishes it.
    """

    name: str
    organisation: str
    scope: Text
    sha256: str
    published_at: str


@lru_cache(maxsize=1)
def known_roots() -> tuple[KnownRoot, ...]:
    """Return the list that comes with kyso."""
    source = Path(__file__).with_name("known_roots.toml").read_text(encoding="utf-8")
    return tuple(
        KnownRoot(
            root["name"],
            root["organisation"],
            Text(root["scope_vi"], root["scope_en"]),
            root["sha256"],
            root["published_at"],
        )
        for root in tomllib.loads(source)["root"]
    )


def known_as(certificate: Certificate) -> KnownRoot | None:
    """Return the known root this certificate is, by its fingerprint."""
    return next((root for root in known_roots() if root.sha256 == certificate.sha256), None)


def pretends_to_be(certificate: Certificate) -> KnownRoot | None:
    """Return the known root whose name this certificate bears without being it."""
    name = _folded(first_attribute(certificate.subject, COMMON_NAME))
    return next(
        (root for root in known_roots() if _folded(root.name) == name and root.sha256 != certificate.sha256), None
    )


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
