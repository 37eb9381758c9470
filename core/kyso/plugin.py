"""Everything a plugin's entry module needs, and nothing heavy.

Start here to write a plugin; :mod:`kyso.hookspecs` lists the extension points, :mod:`kyso.testing` the contract tests.
"""

from __future__ import annotations

from kyso.contracts import (
    AVAILABLE,
    Availability,
    Conformity,
    Contribution,
    Diagnosis,
    Diagnostic,
    Examination,
    FieldInfo,
    Finding,
    Key,
    KeyAccess,
    KeyDescription,
    KeySource,
    Letter,
    PlacementIntent,
    PlacementPolicy,
    PreflightCheck,
    ReportFormat,
    Setting,
    Signer,
    TableSet,
    TextFieldInfo,
    TextLine,
)
from kyso.errors import ConfigWrong, InputRefused, KeyTrouble, KysoError, RemoteFailed, SigningRefused, WrongUse
from kyso.geometry import PageGeometry, RectMm, mm_to_pt, pt_to_mm
from kyso.hookspecs import hookimpl
from kyso.models import (
    VIETNAM_TIME,
    DigestToSign,
    FieldFill,
    Notice,
    Pending,
    Placement,
    Signed,
    SignRequest,
)
from kyso.secret import Secret
from kyso.text import Language, Text

__all__ = [
    "AVAILABLE",
    "VIETNAM_TIME",
    "Availability",
    "ConfigWrong",
    "Conformity",
    "Contribution",
    "Diagnosis",
    "Diagnostic",
    "DigestToSign",
    "Examination",
    "FieldFill",
    "FieldInfo",
    "Finding",
    "InputRefused",
    "Key",
    "KeyAccess",
    "KeyDescription",
    "KeySource",
    "KeyTrouble",
    "KysoError",
    "Language",
    "Letter",
    "Notice",
    "PageGeometry",
    "Pending",
    "Placement",
    "PlacementIntent",
    "PlacementPolicy",
    "PreflightCheck",
    "RectMm",
    "RemoteFailed",
    "ReportFormat",
    "Secret",
    "Setting",
    "SignRequest",
    "Signed",
    "Signer",
    "SigningRefused",
    "TableSet",
    "Text",
    "TextFieldInfo",
    "TextLine",
    "WrongUse",
    "hookimpl",
    "mm_to_pt",
    "pt_to_mm",
]
