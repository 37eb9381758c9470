"""What the stages of signing share: plain settings and two questions they may ask. No key, no open file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from kyso.frozen import dataclass

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.models import Notice, Source
    from kyso.plugins import PluginRegistry
    from kyso.secret import Secret
    from kyso.verification.report import VerificationReport
    from kyso_stamps.fonts import FontChoice


@dataclass(frozen=True, slots=True)
class SigningContext:
    """Handed from the engine to the stages.

    :param online: whether the network may be used, for timestamps.
    :param now: the present; a parameter so that tests can stand at another time.
    :param judge_certificate: says what is doubtful about a signer's certificate and chain (trust, revocation), and
        refuses what must not sign; remembered per certificate.
    :param verify: verifies a document as it stands, for policies that depend on earlier signatures.
    """

    registry: PluginRegistry
    config: Config
    fonts: FontChoice
    online: bool
    now: Callable[[], datetime]
    judge_certificate: Callable[[bytes, tuple[bytes, ...]], tuple[Notice, ...]]
    verify: Callable[[Source, Secret | None], VerificationReport]
