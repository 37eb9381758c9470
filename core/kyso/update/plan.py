"""What the writer is told and what it answers: plain data on both sides."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from kyso.frozen import dataclass

if TYPE_CHECKING:
    from kyso.document.identity import FileIdentity
    from kyso.geometry import RectMm
    from kyso_stamps import Appearance


@dataclass(frozen=True, slots=True)
class FilledField:
    """A text field to fill, drawn.

    :param field: fully qualified name.
    :param value: /V.
    :param appearance: what it shows.
    """

    field: str
    value: str
    appearance: Appearance


@dataclass(frozen=True, slots=True)
class SignaturePlan:
    """One signature field with its signature dictionary, ready to be written.

    :param page: page of the widget, from 1.
    :param rect_mm: the widget in display space; ``None`` writes an invisible one (/Rect ``[0 0 0 0]``).
    :param appearance: the drawn stamp; ``None`` with an invisible one.
    :param field: fully qualified name of the existing empty field to fill, or the name for a new field, or ``None``
        for a new field with a unique default name.
    :param subfilter: /SubFilter of the signature dictionary.
    :param contents_size: bytes reserved for the CMS; /Contents gets twice as many hex digits.
    :param signed_at: /M, aware.
    :param signer_name: /Name.
    :param policy: written as /KYSO_Policy, so that later steps recognise the leader's signature.
    :param certify: DocMDP permission of a certification signature (ISO 32000-2, 12.8.2.2).
    :param alternative_text: /TU of the field, read aloud by screen readers.
    :param fills: text fields that are filled by the same update.
    """

    page: int
    rect_mm: RectMm | None
    appearance: Appearance | None
    field: str | None
    subfilter: Literal["ETSI.CAdES.detached", "adbe.pkcs7.detached"]
    contents_size: int
    signed_at: datetime
    signer_name: str
    policy: str
    reason: str | None = None
    location: str | None = None
    certify: Literal[1, 2, 3] | None = None
    alternative_text: str | None = None
    fills: tuple[FilledField, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """An incremental update with an empty /Contents.

    The prepared file is the original's bytes followed by `data`.

    :param byte_range: /ByteRange as written, absolute in the prepared file; ``byte_range[1]`` is the offset of the
        ``<`` of /Contents, ``byte_range[2]`` the offset after its ``>``.
    :param field: fully qualified name of the field that was filled or made.
    :param signature_number: how many signatures the file has with this one.
    :param source_identity: tells whether the original is still the file that was judged; ``None`` for bytes.
    """

    data: bytes
    byte_range: tuple[int, int, int, int]
    field: str
    signature_number: int
    source_identity: FileIdentity | None = None
