"""The form of a letter beside its verdict: asked for, never part of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest

from kyso import Config, Engine, RectMm, Secret, SignRequest
from kyso.config import KeySection, VerificationSection
from kyso.demo.pki import DEMO_PASSWORD, DemoPki
from kyso.models import SignedDocument


@pytest.fixture
def engine(pki: DemoPki) -> Engine:
    """An engine that trusts the demo's root."""
    config = Config(
        keys={"leader": KeySection(uri=f"pfx:{pki.pfx('leader')}"), "seal": KeySection(uri=f"pfx:{pki.pfx('seal')}")},
        verification=VerificationSection(trust=(pki.root_pem,), crl=(pki.crl_folder,)),
    )

    def ask(code: str, about: Mapping[str, object]) -> Secret:
        return Secret(DEMO_PASSWORD)

    return Engine.from_config(config, ask_secret=ask)


def test_a_misplaced_seal_is_valid_and_not_in_form(
    engine: Engine, letter_pdf: bytes, signature_image: Path, seal_image: Path
) -> None:
    """A seal beside the signature keeps its verdict; the rule it misses is named with its article."""
    signed = engine.sign(SignRequest(letter_pdf, "leader", policy="decree30.leader", image=signature_image))
    assert isinstance(signed, SignedDocument)
    assert signed.rect_mm is not None
    beside = RectMm(signed.rect_mm.left - 45, signed.rect_mm.top - 10, 36, 36)
    sealing = SignRequest(
        signed.data or b"", "seal", policy="fixed", page=signed.page, rect_mm=beside, image=seal_image
    )
    sealed = engine.sign(sealing)
    assert isinstance(sealed, SignedDocument)
    assert sealed.data is not None
    without = engine.verify(sealed.data)
    judged = engine.verify(sealed.data, conformity=True)
    assert without.conformity == ()
    assert dataclasses.replace(judged, conformity=(), validation_time=without.validation_time) == without
    assert judged.verdict == "valid"
    missed = {item.rule: item for item in judged.conformity if item.status == "not_met"}
    assert "decree30.seal_overlap" in missed
    assert all("30/2020" in item.article and item.detail.vi and item.detail.en for item in missed.values())


@pytest.mark.parametrize("data", [b"no PDF", None])
def test_nothing_is_said_about_letters_without_signatures(
    engine: Engine, letter_pdf: bytes, data: bytes | None
) -> None:
    """An unsigned or unreadable file has a verdict and no form."""
    assert engine.verify(data or letter_pdf, conformity=True).conformity == ()
