"""What a document carries for its own verification: /DSS (ISO 32000-2, 12.8.4.3) and adbe-revocationInfoArchival."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from pikepdf import Array, Dictionary, Name, Stream

from kyso.cms import der
from kyso.cms.read import ADBE_REVOCATION, SignerInfo
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pikepdf

    from kyso.document.pages import ObjectId

MAX_ENTRIES: Final = 500
MAX_ENTRY_BYTES: Final = 32 << 20


@dataclass(frozen=True, slots=True)
class SecurityStore:
    """DER certificates, CRLs and OCSP responses of the /DSS dictionary.

    :param holders: each CRL and OCSP response with the object that it is.
    """

    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsp: tuple[bytes, ...] = ()
    holders: tuple[tuple[bytes, ObjectId], ...] = ()


def read_store(root: pikepdf.Object) -> SecurityStore:
    """Read the document security store; entries that cannot be read are left out."""
    store = root.get("/DSS")
    if not isinstance(store, Dictionary):
        return SecurityStore()
    crls, ocsp = tuple(_streams(store.get("/CRLs"))), tuple(_streams(store.get("/OCSPs")))
    return SecurityStore(
        certificates=tuple(data for data, _ in _streams(store.get("/Certs"))),
        crls=tuple(data for data, _ in crls),
        ocsp=tuple(data for data, _ in ocsp),
        holders=(*crls, *ocsp),
    )


def _streams(value: object) -> Iterator[tuple[bytes, ObjectId]]:
    if not isinstance(value, Array):
        return
    for item in value.as_list()[:MAX_ENTRIES]:
        if isinstance(item, Stream):
            data = bounded(item)
            if data is not None:
                yield data, item.objgen


def bounded(stream: Stream) -> bytes | None:
    """Return a stream's data where it is plain or deflated and not larger than any real entry."""
    raw = stream.read_raw_bytes()
    filters = stream.get("/Filter")
    names = filters.as_list() if isinstance(filters, Array) else [] if filters is None else [filters]
    if not names:
        return raw if len(raw) <= MAX_ENTRY_BYTES else None
    if names != [Name.FlateDecode] or stream.get("/DecodeParms") is not None:
        return None
    engine = zlib.decompressobj()
    try:
        data = engine.decompress(raw, MAX_ENTRY_BYTES)
    except zlib.error:
        return None
    return None if engine.unconsumed_tail else data


def archived_revocation(signer: SignerInfo) -> tuple[list[bytes], list[bytes]]:
    """Return CRLs and OCSP responses of the adbe-revocationInfoArchival attribute (ISO 32000-2, 12.8.3.3.2)."""
    crls: list[bytes] = []
    ocsp: list[bytes] = []
    for attribute in (*signer.signed_attributes, *signer.unsigned_attributes):
        if attribute.oid != ADBE_REVOCATION:
            continue
        for value in attribute.values:
            try:
                for member in der.read_all(value).children():
                    target = {0xA0: crls, 0xA1: ocsp}.get(member.tag)
                    if target is not None:
                        target.extend(item.raw for item in member.child().children())
            except der.DerError:
                continue
    return crls, ocsp
