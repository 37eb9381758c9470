"""No signature from outside is believed: each must be the certificate's signature over exactly one of our digests."""

from __future__ import annotations

from collections.abc import Sequence

from kyso.cms.values import value_matches
from kyso.models import SchemeName
from kyso.plugin import DigestToSign, RemoteFailed
from kyso_remote.provider import Values


def matched_values(
    values: Values, digests: Sequence[DigestToSign], certificate: bytes, scheme: SchemeName, provider: str
) -> tuple[bytes, ...]:
    """Return one value for each digest, in the digests' order.

    Providers answer by document id or by position, and some in another order than they were asked. What decides is
    the signature itself: a value belongs to the digest that it verifies over, and to no other.

    :raises RemoteFailed: a value is missing, is too many, or fits no digest.
    """
    if len(values.items) != len(digests):
        raise RemoteFailed("remote.wrong_count", provider=provider, got=len(values.items), wanted=len(digests))
    by_name = {name: value for name, value in values.items if name is not None}
    by_place = [value for _, value in values.items]
    remaining = list(by_place)
    chosen: list[bytes] = []
    for place, digest in enumerate(digests):
        # The likely candidates first: this keeps a batch of n at n checks instead of n squared.
        likely = [by_name.get(digest.document_id), by_place[place]]
        for value in [*(value for value in likely if value is not None), *remaining]:
            if value in remaining and value_matches(certificate, value, digest.value, scheme, digest.digest):
                remaining.remove(value)
                chosen.append(value)
                break
        else:
            raise RemoteFailed("remote.signature_wrong", provider=provider, document=digest.document_name)
    return tuple(chosen)
