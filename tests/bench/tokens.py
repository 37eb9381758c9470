"""A visible letter with a key on a token: SoftHSM 2 in its worker process, beside pyHanko's own PKCS#11 signer."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from kyso.config import Config, KeySection
from kyso.engine import Engine
from kyso.models import SignedDocument, SignRequest
from kyso.secret import Secret
from tests.bench import peer
from tests.bench.figures import Figure
from tests.bench.stage import Stage, median_ms
from tests.support.softhsm import PIN, entry, make_tokens, softhsm_module

LABEL = "BENCH"


def token_signing(stage: Stage, rounds: int = 200, peer_rounds: int = 15) -> list[Figure]:
    """One visible letter after the other over one login; the worker process is part of it. Nothing without SoftHSM."""
    module = softhsm_module()
    if module is None:
        return []
    with _token(stage, module):
        config = replace(
            Config.load(stage.config),
            keys={"token": KeySection(uri=f"pkcs11:token={LABEL}")},
            plugins={"pkcs11": {"modules": [str(module)]}},
        )
        letter = stage.letter.read_bytes()
        with Engine.from_config(config, ask_secret=lambda code, about: Secret(PIN)) as engine:

            def ours() -> bytes:
                signed = engine.sign(SignRequest(letter, "token", "bench.stamp", image=stage.picture))
                assert isinstance(signed, SignedDocument)
                assert signed.data is not None
                return signed.data

            mine = median_ms(ours, rounds, warm_up=3)
        with _pyhanko(stage, module) as theirs:
            other = median_ms(theirs, peer_rounds)
    # The issue asks for 2.5 ms where pyHanko takes 85: a ratio, because machines differ.
    return [Figure("sign visible, token, warm", "ms", mine, other, least_ratio=85 / 2.5)]


@contextmanager
def _token(stage: Stage, module: Path) -> Iterator[None]:
    """Put the leader's key on a token, and point SoftHSM at it."""
    folder = stage.folder / "softhsm"
    pki = stage.pki
    if folder.exists():
        configuration = folder / "softhsm2.conf"
    else:
        leader = entry("01", "leader", pki.identities["leader"])
        configuration = make_tokens(folder, module, {LABEL: [leader]})
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SOFTHSM2_CONF"]
        else:
            os.environ["SOFTHSM2_CONF"] = before


@contextmanager
def _pyhanko(stage: Stage, module: Path) -> Iterator[Callable[[], bytes]]:
    """Give a call that signs the letter with pyHanko over one session, the stamp laid out for each letter."""
    from pyhanko.config.pkcs11 import TokenCriteria
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers
    from pyhanko.sign.pkcs11 import PKCS11Signer, open_pkcs11_session

    letter = stage.letter.read_bytes()
    with open_pkcs11_session(str(module), token_criteria=TokenCriteria(label=LABEL), user_pin=PIN) as session:
        signer = PKCS11Signer(session, cert_label="leader", key_label="leader")

        def sign() -> bytes:
            metadata = signers.PdfSignatureMetadata(
                field_name="Signature1", subfilter=fields.SigSeedSubFilter.PADES, md_algorithm="sha256"
            )
            place = fields.SigFieldSpec("Signature1", on_page=0, box=peer.BOX_PT)
            stamped = signers.PdfSigner(metadata, signer, stamp_style=peer.style(stage), new_field_spec=place)
            return stamped.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(letter))).getvalue()

        yield sign
