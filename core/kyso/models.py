"""The frozen values that pass between the stages of the pipeline.

::

    SignRequest -> Letter -> Placement -> Appearance -> PreparedSignature -> SignatureValue -> SignedDocument
                                                                                 verify -> VerificationReport

Between stages there are bytes and plain tables: no open file, no parser object, no key.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kyso.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kyso.geometry import RectMm
    from kyso.secret import Secret
    from kyso_stamps import StampSpec

VIETNAM_TIME = timezone(timedelta(hours=7), "+07:00")
"""Vietnam's zone: a fixed +07:00 without daylight saving time, whatever the machine's zone is."""

Level = Literal["b", "t", "lt", "lta"]
DigestName = Literal["sha256", "sha384", "sha512"]
SignatureFormat = Literal["pades", "pkcs7"]
SchemeName = Literal["rsa-pkcs1v15", "rsa-pss", "ecdsa"]

Source = Path | bytes
"""A document to read: a file, or its bytes."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the person should know that stops nothing; its words are in the catalogues under `code`."""

    code: str
    parameters: Mapping[str, object] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignRequest:
    """One letter to sign.

    :param document: the PDF, as a path or as bytes.
    :param key: a configured short name, or a key URI such as ``pfx:seal.p12``.
    :param policy: name of the placement policy; ``None`` takes the configured one, ``"invisible"`` draws nothing.
    :param out: where the signed letter goes; ``None`` returns it as bytes.
    :param settings: the policy's own settings as given (``diameter_mm=36``), parsed by the policy's declarations.
    :param image: picture for the stamp (PNG or one-page PDF); ``None`` takes the configured one.
    :param page: page for an explicit place, 1 = first, -1 = last.
    :param rect_mm: explicit place in display space.
    :param anchor: text on the page that marks the place.
    :param field: name of the empty signature field to fill, or else the name of the new field.
    :param leader_field: name of the field that holds the leader's signature, for the organisation's seal.
    :param level: the baseline level asked for (ETSI EN 319 142-1, clause 6).
    :param signature_format: ``pades`` writes ETSI.CAdES.detached, ``pkcs7`` writes adbe.pkcs7.detached;
        ``None`` takes the configured one.
    :param digest: digest algorithm; ``None`` takes the one that suits the key.
    :param scheme: signature scheme; ``None`` takes the key's first choice.
    :param certify: DocMDP permission (1-3) for a certification signature; ``None`` signs an approval signature.
    :param reason: /Reason of the signature dictionary.
    :param location: /Location of the signature dictionary.
    :param signed_at: the time shown and written as /M; ``None`` takes the present.
    :param password: opens an encrypted PDF.
    :param repair: rewrite a damaged unsigned file first.
    :param overwrite: replace `out` where it exists.
    """

    document: Source
    key: str
    policy: str | None = None
    out: Path | None = None
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    image: Path | None = None
    page: int | None = None
    rect_mm: RectMm | None = None
    anchor: str | None = None
    field: str | None = None
    leader_field: str | None = None
    level: Level | None = None
    signature_format: SignatureFormat | None = None
    digest: DigestName | None = None
    scheme: SchemeName | None = None
    certify: Literal[1, 2, 3] | None = None
    reason: str | None = None
    location: str | None = None
    signed_at: datetime | None = None
    password: Secret | None = None
    repair: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class FieldFill:
    """A text field of the form that is filled together with the signature.

    :param field: fully qualified name.
    :param value: its value (/V).
    :param stamp: what the field shows, as large as its widget.
    """

    field: str
    value: str
    stamp: StampSpec


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a signature goes and what it shows.

    :param policy: name of the policy that decided.
    :param page: page number from 1; for an invisible signature the page whose /Annots lists the widget.
    :param rect_mm: the widget in display space; ``None`` for an invisible signature.
    :param stamp: what is drawn inside the widget; ``None`` with an invisible signature.
    :param field: name of an existing empty field to fill, or the wished name of a new one, or ``None``.
    :param notices: what the person should know.
    :param boxes_mm: the measured boxes behind the decision (title, name, ink ...), for the preview.
    :param fills: text fields of the form that the same update fills in.
    """

    policy: str
    page: int
    rect_mm: RectMm | None = None
    stamp: StampSpec | None = None
    field: str | None = None
    notices: tuple[Notice, ...] = ()
    boxes_mm: Mapping[str, RectMm] = dataclasses.field(default_factory=dict)
    fills: tuple[FieldFill, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """The page as it would look signed.

    :param png: the picture.
    :param boxes_mm: the measured boxes behind the placement, in display space; ``stamp`` is the stamp itself.
    """

    png: bytes
    placement: Placement
    boxes_mm: Mapping[str, RectMm]


@dataclass(frozen=True, slots=True)
class PreparedSignature:
    """A letter ready for its signature value. Plain data: JSON beside the prepared file.

    :param id: unique name of this preparation.
    :param document_name: the letter's name, for people.
    :param file_size: size of the prepared file in bytes.
    :param byte_range: /ByteRange as written (ISO 32000-2, 12.8.1).
    :param digest: digest algorithm of document and signed attributes.
    :param document_digest: digest over the byte ranges.
    :param scheme: signature scheme the value must have.
    :param signed_attributes: DER of the SET OF signed attributes (RFC 5652, 5.3).
    :param certificates: DER certificates to embed, the signer's first.
    :param level: level asked for.
    :param signature_format: format of the signature dictionary.
    :param field: full name of the signature field.
    :param page: page of the widget, from 1.
    :param rect_mm: the widget in display space, ``None`` when invisible.
    :param signed_at: the claimed time in /M.
    :param policy: the policy that placed it.
    :param key: the key's name or URI as requested.
    :param signature_number: how many signatures the file has with this one.
    :param original_size: how many bytes of the prepared file are the original's.
    :param notices: what came up on the way.
    """

    id: str
    document_name: str
    file_size: int
    byte_range: tuple[int, int, int, int]
    digest: DigestName
    document_digest: bytes
    scheme: SchemeName
    signed_attributes: bytes
    certificates: tuple[bytes, ...]
    level: Level
    signature_format: SignatureFormat
    field: str
    page: int
    rect_mm: RectMm | None
    signed_at: datetime
    policy: str
    key: str
    signature_number: int
    original_size: int
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class DigestToSign:
    """One digest of signed attributes for a key source.

    :param value: the digest itself.
    :param digest: its algorithm.
    :param document_name: the letter's name, shown on a phone by remote CAs.
    :param document_id: unique within the request; answers are matched by order, checked by signature.
    """

    value: bytes
    digest: DigestName
    document_name: str
    document_id: str


@dataclass(frozen=True, slots=True)
class Signed:
    """The key answered: signature values in the order of the digests.

    :param values: RSA values as raw octets, ECDSA values as DER ``Ecdsa-Sig-Value`` (RFC 5480).
    """

    values: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """A person must confirm first.

    :param ticket: what :meth:`Key.poll` needs; plain text, no secret.
    :param expires_at: when the other side forgets the request.
    :param instruction: code of the text that tells the person what to do.
    :param parameters: what that text mentions.
    """

    ticket: str
    expires_at: datetime
    instruction: str
    parameters: Mapping[str, object] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignatureValue:
    """The signature value for one prepared signature."""

    value: bytes


@dataclass(frozen=True, slots=True)
class SignedDocument:
    """A signed letter.

    :param path: where it was written, or ``None``.
    :param data: the bytes when no path was asked for, or ``None``.
    :param size: size in bytes.
    :param original_size: how many bytes of it are the unsigned original's.
    :param level: the level that was reached; lower than asked where a notice says why.
    """

    path: Path | None
    data: bytes | None
    size: int
    original_size: int
    field: str
    page: int
    rect_mm: RectMm | None
    level: Level
    policy: str
    signer: str
    signed_at: datetime
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class PendingSignature:
    """A letter that waits for a person.

    :param prepared_id: name of the stored preparation; `Engine.resume` takes it.
    """

    prepared_id: str
    document_name: str
    pending: Pending


@dataclass(frozen=True, slots=True)
class FailedSignature:
    """One letter of many that could not be signed; the others go on.

    :param code: the error's code; its words are in the catalogues.
    :param exit_code: as the command line reports it.
    """

    document_name: str
    code: str
    parameters: Mapping[str, object]
    exit_code: int
