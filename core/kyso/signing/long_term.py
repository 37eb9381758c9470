"""Levels B-LT and B-LTA at signing: sign at B-T, then add what carries the proof further (ETSI EN 319 142-1, 6.3).

The signed letter stands in a file of its own until it has been extended; what could not be added leaves the letter at
the level it reached, and says so, because the key has been used.
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Literal

from kyso.errors import KysoError, WrongUse
from kyso.models import Notice, SignedDocument
from kyso.text import Phrase

if TYPE_CHECKING:
    from pathlib import Path

    from kyso.engine import Engine
    from kyso.models import PendingSignature, SignRequest


def sign_for_long(
    engine: Engine, request: SignRequest, level: Literal["lt", "lta"]
) -> SignedDocument | PendingSignature:
    """Sign one letter and extend it.

    :raises WrongUse: no output file; or a key whose owner confirms elsewhere: such a letter is extended afterwards.
    """
    from kyso.extending.extension import extend_document
    from kyso.extending.online import EvidenceFetcher
    from kyso.update.files import refuse_output
    from kyso.verification.settings import settings_from

    out = request.out
    if out is None:
        raise WrongUse("signing.level_needs_file", level=level)
    refuse_output(out, overwrite=request.overwrite)
    if engine.key(request.key).batch_limit is not None:
        raise WrongUse("signing.level_after_confirmation", level=level)
    between = out.with_name(f".kyso-{os.urandom(8).hex()}.pdf")
    try:
        signed = engine.sign_now(dataclasses.replace(request, level="t", out=between, overwrite=False))
        assert isinstance(signed, SignedDocument)
        try:
            with EvidenceFetcher.within(allow_private=engine.config.network.allow_private) as fetcher:
                extended = extend_document(
                    between,
                    level,
                    settings_from(engine.config, password=request.password),
                    engine.timestamp_authorities(),
                    fetcher=fetcher,
                    out=out,
                    overwrite=request.overwrite,
                    best_effort=True,
                )
        except KysoError as error:
            # The letter is signed; it is published at the level it has rather than lost.
            return _as_it_is(signed, between, out, error, overwrite=request.overwrite)
        return dataclasses.replace(
            signed,
            path=out,
            size=extended.size,
            level=extended.level,
            notices=(*signed.notices, *extended.notices),
        )
    finally:
        between.unlink(missing_ok=True)


def _as_it_is(signed: SignedDocument, between: Path, out: Path, error: KysoError, *, overwrite: bool) -> SignedDocument:
    from kyso.update.outputs import settle

    settle(between, out, overwrite=overwrite)
    notice = Notice("signing.not_extended", {"cause": Phrase(error.code, error.parameters), "level": signed.level})
    return dataclasses.replace(signed, path=out, notices=(*signed.notices, notice))
