"""kyso signs, seals and verifies Vietnamese official letters (PDF).

Ten lines that sign a letter and check it::

    from pathlib import Path
    from kyso import Engine, Secret, SignRequest

    def ask(code, about):
        return Secret(input("Password: "))

    with Engine.from_config(Path("kyso.toml"), ask_secret=ask) as engine:
        engine.sign(SignRequest(Path("letter.pdf"), key="leader", policy="decree30.leader", out=Path("signed.pdf")))
        print(engine.verify(Path("signed.pdf")).verdict)

Importing this package imports next to nothing; each name is loaded when it is first used. Plugins import
:mod:`kyso.plugin` instead.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.engine import Engine
    from kyso.errors import (
        ConfigWrong,
        InputRefused,
        InternalError,
        KeyTrouble,
        KysoError,
        RemoteFailed,
        SigningRefused,
        WrongUse,
    )
    from kyso.geometry import RectMm
    from kyso.models import (
        FailedSignature,
        Notice,
        PendingSignature,
        Placement,
        PreparedSignature,
        Preview,
        SignatureValue,
        SignedDocument,
        SignRequest,
    )
    from kyso.secret import Secret
    from kyso.verification.report import SignatureReport, VerificationReport

_HOMES = {
    "kyso.config": ("Config",),
    "kyso.engine": ("Engine",),
    "kyso.errors": (
        "ConfigWrong",
        "InputRefused",
        "InternalError",
        "KeyTrouble",
        "KysoError",
        "RemoteFailed",
        "SigningRefused",
        "WrongUse",
    ),
    "kyso.geometry": ("RectMm",),
    "kyso.models": (
        "FailedSignature",
        "Notice",
        "PendingSignature",
        "Placement",
        "PreparedSignature",
        "Preview",
        "SignRequest",
        "SignatureValue",
        "SignedDocument",
    ),
    "kyso.secret": ("Secret",),
    "kyso.verification.report": ("SignatureReport", "VerificationReport"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Config",
    "ConfigWrong",
    "Engine",
    "FailedSignature",
    "InputRefused",
    "InternalError",
    "KeyTrouble",
    "KysoError",
    "Notice",
    "PendingSignature",
    "Placement",
    "PreparedSignature",
    "Preview",
    "RectMm",
    "RemoteFailed",
    "Secret",
    "SignRequest",
    "SignatureReport",
    "SignatureValue",
    "SignedDocument",
    "SigningRefused",
    "VerificationReport",
    "WrongUse",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'kyso' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return __all__
