"""The stage *finish*: check everything once more, then embed the signature value.

Finish trusts nobody: not the key source, not the file that lay on a disk, not the JSON beside it. The digest of the
prepared file is computed anew, the signed attributes are rebuilt from it and compared, and the value is verified with
the certificate's own key. Only then is /Contents filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.cms.build import signed_attributes, signed_data
from kyso.cms.values import HASHES, value_matches
from kyso.errors import InputRefused, KeyTrouble
from kyso.models import SignedDocument
from kyso.signing.certificates import signer_of
from kyso.update.copying import digest_of_ranges

if TYPE_CHECKING:
    from pathlib import Path

    from kyso.extending.timestamp import TimestampAuthorities
    from kyso.models import Level, Notice, PreparedSignature, SignatureValue
    from kyso.update.files import PreparedFile

# id-aa-timeStampToken (RFC 3161, appendix A) as /Contents writes it.
_TIMESTAMP_ATTRIBUTE = b"060b2a864886f70d010910020e"


def attributes_digest(prepared: PreparedSignature) -> bytes:
    """Return the digest that the key signs: over the DER of the signed attributes (RFC 5652, 5.4)."""
    import hashlib

    return hashlib.new(prepared.digest, prepared.signed_attributes).digest()


def check_prepared(prepared: PreparedSignature, file: PreparedFile) -> None:
    """Check that the prepared file still is the one that was prepared.

    :raises InputRefused: file or JSON were changed in between.
    """
    if not prepared.certificates or prepared.digest not in HASHES:
        raise InputRefused("prepared.unreadable", cause="certificates")
    if file.size != prepared.file_size or file.byte_range != prepared.byte_range or not file.is_empty():
        raise InputRefused("prepared.changed", name=prepared.document_name)
    digest = file.digest(prepared.digest, again=True)
    rebuilt = signed_attributes(digest, prepared.certificates[0], prepared.signature_format, prepared.signed_at)
    if digest != prepared.document_digest or rebuilt != prepared.signed_attributes:
        raise InputRefused("prepared.changed", name=prepared.document_name)


def finish(
    prepared: PreparedSignature,
    file: PreparedFile,
    value: SignatureValue,
    out: Path | None,
    *,
    overwrite: bool = False,
    authorities: TimestampAuthorities | None = None,
) -> SignedDocument:
    """Embed `value` and publish the letter at `out`, or return its bytes.

    :param authorities: who is asked for the timestamp of level B-T; without an answer the letter is finished at B-B
        and says so, because the key has been used.
    :raises KeyTrouble: the value was not made by the certificate's key over these attributes.
    :raises InputRefused: the prepared file was changed.
    """
    check_prepared(prepared, file)
    certificate = prepared.certificates[0]
    if not value_matches(certificate, value.value, attributes_digest(prepared), prepared.scheme, prepared.digest):
        raise KeyTrouble("key.wrong_signature", name=signer_of(certificate).name)

    def build(token: bytes | None) -> bytes:
        return signed_data(
            prepared.signed_attributes, value.value, prepared.certificates, prepared.scheme, prepared.digest, token
        )

    level: Level = "b"
    notices = prepared.notices
    if prepared.level == "b" or authorities is None:
        file.embed(build(None))
    else:
        from kyso.extending.signature_time import with_signature_time

        room = (prepared.byte_range[2] - prepared.byte_range[1] - 2) // 2
        stamped = with_signature_time(build, value.value, prepared.digest, authorities, room)
        file.embed(stamped.cms)
        level, notices = stamped.level, (*notices, *stamped.notices)
    published = file.publish(out, overwrite=overwrite)
    return _signed(prepared, out, published if isinstance(published, bytes) else None, level, notices)


def _signed(
    prepared: PreparedSignature, path: Path | None, data: bytes | None, level: Level, notices: tuple[Notice, ...]
) -> SignedDocument:
    return SignedDocument(
        path=path,
        data=data,
        size=prepared.file_size,
        original_size=prepared.original_size,
        field=prepared.field,
        page=prepared.page,
        rect_mm=prepared.rect_mm,
        level=level,
        policy=prepared.policy,
        signer=signer_of(prepared.certificates[0]).name,
        signed_at=prepared.signed_at,
        notices=notices,
    )


def published_before(prepared: PreparedSignature, path: Path | None) -> SignedDocument | None:
    """Return the letter that stands at `path` where it is this very preparation, finished; else ``None``.

    What decides is the digest over the byte ranges, which no other file has, and a /Contents that was filled.
    """
    if path is None or not path.is_file() or path.stat().st_size != prepared.file_size:
        return None
    start, end = prepared.byte_range[1], prepared.byte_range[2]
    try:
        with path.open("rb") as file:
            digest = digest_of_ranges(prepared.digest, file, prepared.byte_range, prepared.file_size)
            file.seek(start + 1)
            contents = file.read(end - start - 2)
    except OSError:
        return None  # what cannot be read is not known to be finished; writing it will tell why
    if digest != prepared.document_digest or not contents.strip(b"0"):
        return None
    level: Level = "t" if _TIMESTAMP_ATTRIBUTE in contents.lower() else "b"
    return _signed(prepared, path, None, level, prepared.notices)
