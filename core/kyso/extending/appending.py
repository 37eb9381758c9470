"""Appends a document timestamp or a security store to a PDF, by pyHanko's incremental writer.

pyHanko knows encrypted files, hybrid cross-references and the field of a document timestamp (ISO 32000-2, 12.8.5); its
coroutines run on a thread of their own, so that a caller with an event loop is not disturbed. The security store is
written here as ISO 32000-2, 12.8.4.3 has it, because its entries must stay the octets that were judged.
"""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from asn1crypto import cms
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.timestamps import TimeStamper

from kyso.cms.build import TIMESTAMP_RESERVE
from kyso.document.opening import open_letter
from kyso.errors import InputRefused, KysoError

if TYPE_CHECKING:
    from pathlib import Path

    from kyso.extending.evidence import ValidationData
    from kyso.extending.timestamp import TimestampAuthorities
    from kyso.secret import Secret

_DIGEST: Final = "sha256"
_FAILURES = (PdfError, SigningError, ValueError, TypeError, KeyError, IndexError, NotImplementedError, RecursionError)
"""What pyHanko raises for files it cannot update."""


class _QuietWriter(IncrementalPdfFileWriter):
    """Appends what it is told and nothing else.

    pyHanko also renews /Info, the XMP metadata, /Lang and /Version: changes after a signature that nobody asked for.
    """

    def ensure_output_version(self, version: tuple[int, int]) -> None:
        """Leave /Version as it is."""

    def _update_meta(self) -> None:
        """Leave the metadata as they are."""


class _Stamper(TimeStamper):
    """Asks our authorities; pyHanko's own checks of an answer are weaker."""

    def __init__(self, authorities: TimestampAuthorities) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # pyHanko declares no types here
        self._authorities = authorities

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        """Return a token over a digest."""
        assert md_algorithm == _DIGEST
        return cms.ContentInfo.load(self._authorities.stamp(message_digest, _DIGEST).token)


def append_timestamp(
    source: Path, out: BinaryIO, authorities: TimestampAuthorities, *, name: str, password: Secret | None
) -> None:
    """Write `source` and a document timestamp over all of it to `out`.

    :raises RemoteFailed: no authority gave a timestamp.
    :raises InputRefused: the file cannot be updated.
    """

    highest = _highest_object_number(source, name, password)

    def work() -> None:
        with source.open("rb") as stream:
            writer = _writer(stream, password, highest)
            stamper = PdfTimeStamper(_Stamper(authorities))
            stamper.timestamp_pdf(writer, _DIGEST, bytes_reserved=2 * TIMESTAMP_RESERVE, output=out)

    with ThreadPoolExecutor(1, thread_name_prefix="kyso-timestamp") as thread:
        try:
            thread.submit(work).result()
        except KysoError:
            raise
        except _FAILURES as error:
            raise InputRefused("extending.cannot_append", name=name) from error


def append_store(source: Path, out: BinaryIO, data: ValidationData, *, name: str, password: Secret | None) -> None:
    """Write `source` and an update that adds `data` to its document security store to `out`.

    :raises InputRefused: the file cannot be updated.
    """
    highest = _highest_object_number(source, name, password)
    try:
        with source.open("rb") as stream:
            writer = _writer(stream, password, highest)
            _extend_store(writer, data)
            writer.write(out)
    except _FAILURES as error:
        raise InputRefused("extending.cannot_append", name=name) from error


def _highest_object_number(source: Path, name: str, password: Secret | None) -> int:
    """Return the highest number in use; pyHanko believes /Size, and where that lies it would overwrite objects."""
    with open_letter(source, name=name, password=password) as letter:
        return letter.highest_object_number


def _writer(source: BinaryIO, password: Secret | None, highest: int) -> Any:  # pyHanko is half typed
    writer: Any = _QuietWriter(source, strict=False)
    writer._lastobj_id = max(writer._lastobj_id, highest)
    if writer.prev.encrypted:
        writer.encrypt("" if password is None else password.reveal())
    return writer


def _extend_store(writer: Any, data: ValidationData) -> None:
    root: Any = writer.root
    store = _existing(root, "/DSS", generic.DictionaryObject)
    if store is None:
        store = _dictionary({pdf_name("/Type"): pdf_name("/DSS")})
        root["/DSS"] = writer.add_object(store)
        writer.update_root()
    else:
        _will_change(writer, root, "/DSS", store)
    for key, values in (("/Certs", data.certificates), ("/CRLs", data.crls), ("/OCSPs", data.ocsp)):
        if not values:
            continue
        entries = _existing(store, key, generic.ArrayObject)
        if entries is None:
            entries = generic.ArrayObject()
            store[pdf_name(key)] = writer.add_object(entries)
        else:
            _will_change(writer, store, key, entries)
        entries.extend(writer.add_object(_stream(value)) for value in values)


def _existing(holder: Any, key: str, kind: type[Any]) -> Any:
    value = holder.get(key) if key in holder else None
    return value if isinstance(value, kind) else None


def _will_change(writer: Any, holder: Any, key: str, value: Any) -> None:
    """Have the object written that holds `value`: its own, or the one it stands in."""
    reference = holder.raw_get(key)
    if isinstance(reference, generic.IndirectObject):
        writer.mark_update(reference)
    else:
        writer.update_container(value)


def _dictionary(entries: dict[Any, Any]) -> Any:
    return generic.DictionaryObject(entries)  # type: ignore[no-untyped-call] # pyHanko declares no types here


def _stream(value: bytes) -> generic.StreamObject:
    compressed = zlib.compress(value)
    entries = {pdf_name("/Filter"): pdf_name("/FlateDecode")}
    return generic.StreamObject(entries, encoded_data=compressed)
