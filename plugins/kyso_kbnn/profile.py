"""The versioned profile as frozen values: the one place of every assumption about Decision 935/QĐ-KBNN.

``default_profile()`` is the packaged file; ``load_profile(path)`` another agency's corrected copy. Both give the same
frozen values, and refuse an entry that nothing reads, so that a correction with a typing error is not silently lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

from kyso.plugin import ConfigWrong
from kyso_kbnn.tables import Condition, Form, Severity, Table, XmlElement


@dataclass(frozen=True, slots=True)
class Strictness:
    """How severe a breach of something only this profile says is."""

    effective_length: Severity
    proposed_obligation: Severity
    expected_form: Severity


@dataclass(frozen=True, slots=True)
class CodeForms:
    """Regular expressions of the codes and the greatest counter values (4.2, 4.3)."""

    dossier: str
    voucher: str
    prefix: str
    unit: str
    treasury: str
    dossier_greatest: int
    voucher_greatest: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes that are refused before anything is signed; characters unless the name says otherwise."""

    authentication_data: int
    envelope: int
    attachment_bytes: int
    lines: int
    vouchers: int


@dataclass(frozen=True, slots=True)
class JsonNames:
    """How the body of SendDocument is written."""

    time_pattern: str
    amounts_as_typed: bool
    empty_text: str
    login: str
    document: str
    voucher: str
    lines: str
    attachments: str


@dataclass(frozen=True, slots=True)
class EnvelopeForm:
    """The signature envelope of VIII.2; the meaning of each entry stands beside it in the profile."""

    root: str
    elements: tuple[str, ...]
    signature_element: str
    signed_over: Literal["xml", "md5"]
    data_encoding: Literal["hex", "HEX", "base64"]
    signed_content: Literal["raw", "cms"]
    enveloped_data: Literal["cms", "same", "empty", "absent"]
    ecdsa_form: Literal["der", "plain"]
    digest: Literal["sha256", "sha384", "sha512"]
    timestamp_unit: Literal["ms", "s"]
    timestamp_zone_minutes: int
    declaration: bool
    voucher_signatures: Literal["dossier", "empty"]


@dataclass(frozen=True, slots=True)
class XadesForm:
    """The additional XML signature."""

    canonicalization: str


@dataclass(frozen=True, slots=True)
class HouseRules:
    """Rules of practice about who signs with what; each can be switched off."""

    accountant_first: bool = True
    different_people: bool = True
    one_key_form: bool = True
    attachment_blocks: bool = True


@dataclass(frozen=True, slots=True)
class ResultNames:
    """Fields of ServiceResult and the codes that mean success."""

    code: str
    message: str
    data: str
    success: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoginNames:
    """Fields of LoginResponse."""

    token: str
    private_token: str
    expires_in_seconds: str
    default_lifetime_seconds: int


@dataclass(frozen=True, slots=True)
class UploadNames:
    """Fields of UploadResponse."""

    file_id: str
    file_name: str


@dataclass(frozen=True, slots=True)
class StatusParameterNames:
    """Fields of DocumentStatusParam."""

    code: str


@dataclass(frozen=True, slots=True)
class StatusNames:
    """Fields of DocumentStatusResponse."""

    code: str
    status: str
    title: str
    time: str
    reason: str
    file: str
    amount: str


@dataclass(frozen=True, slots=True)
class StateWords:
    """The gateway's words for the states of a dossier."""

    sent: tuple[str, ...]
    accepted: tuple[str, ...]
    returned: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ErrorCodes:
    """ServiceResult codes that call for different steps."""

    token_expired: tuple[str, ...]
    login_failed: tuple[str, ...]
    not_account_holder: tuple[str, ...]
    hash_mismatch: tuple[str, ...]
    duplicate: tuple[str, ...]
    refused: tuple[str, ...]
    suspended: tuple[str, ...]
    cancelled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GatewayForm:
    """The services of chapter II, V and the hash of rule VI."""

    url: str
    login: str
    logout: str
    status: str
    send: str
    download: str
    upload: str
    download_parameter: str
    upload_field: str
    authorization_header: str
    authorization_value: str
    salt_header: str
    hash_header: str
    salt: Literal["payload", "claim"]
    salt_claim: str
    hash_case: Literal["lower", "upper"]
    result: ResultNames
    login_response: LoginNames
    upload_response: UploadNames
    status_parameter: StatusParameterNames
    status_response: StatusNames
    states: StateWords
    errors: ErrorCodes


@dataclass(frozen=True, slots=True)
class Support:
    """Where incidents are reported (chapter I, rule V) and how the subject reads (letter 7204/KBNN-CNTT)."""

    address: str
    subject: str


@dataclass(frozen=True, slots=True)
class XmlNames:
    """The dossier part of the authentication data."""

    root: str
    voucher: str
    declaration: bool
    dossier: tuple[XmlElement, ...]
    document_id: str
    treasury_fields: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """Everything the plugin assumes, frozen. Compared by identity: one profile, one set of compiled schemas."""

    id: str
    version: int
    source: str
    strictness: Strictness
    codes: CodeForms
    limits: Limits
    json: JsonNames
    envelope: EnvelopeForm
    xades: XadesForm
    house_rules: HouseRules
    gateway: GatewayForm
    support: Support
    conditions: Mapping[str, Condition]
    forms: Mapping[str, Form]
    tables: Mapping[str, Table]
    xml: XmlNames

    __hash__ = object.__hash__
    __eq__ = object.__eq__

    @property
    def document(self) -> Table:
        """The object Document (4.2)."""
        return self.tables["document"]

    @property
    def attachment(self) -> Table:
        """The object RefDetailAttach (4.13)."""
        return self.tables["attachment"]

    @property
    def login(self) -> Table:
        """The object LoginInfo (4.1)."""
        return self.tables["login"]

    @property
    def unit(self) -> Table:
        """What the unit registered with the treasury; not an object of the decision."""
        return self.tables["unit"]

    def form_of_document_id(self, document_id: str) -> Form | None:
        """Return the form whose number stands in GN_TAILIEU_ID."""
        return next((form for form in self.forms.values() if str(form.document_id) == document_id), None)


@cache
def default_profile() -> Profile:
    """Return the packaged profile."""
    text = resources.files("kyso_kbnn").joinpath("profile.toml").read_text(encoding="utf-8")
    return parse_profile(text, "profile.toml")


def load_profile(path: Path) -> Profile:
    """Read a corrected copy of the profile.

    :raises ConfigWrong: it cannot be read, an entry is missing, unknown or of a wrong kind; the error names the entry.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise ConfigWrong("kbnn.profile_unreadable", name=path.name) from cause
    return parse_profile(text, path.name)


def parse_profile(text: str, name: str) -> Profile:
    """Build the profile from TOML `text`; `name` is shown in errors. Errors as :func:`load_profile`."""
    from kyso_kbnn.profile_reading import read_profile

    return read_profile(text, name)
