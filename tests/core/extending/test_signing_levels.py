"""Levels asked for while signing: reached, or said not to be, and never at the cost of a key used in vain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from kyso import Config, Engine, Secret, SignRequest
from kyso.config import KeySection, SigningSection, VerificationSection
from kyso.demo.pki import DEMO_PASSWORD, DemoPki
from kyso.errors import WrongUse
from kyso.models import SignedDocument
from tests.core.extending.authority import Authority
from tests.support.judges import pdfsig, pyhanko_validate


def _engine(pki: DemoPki, tsa: Sequence[str], *, online: bool = True) -> Engine:
    config = Config(
        keys={"leader": KeySection(uri=f"pfx:{pki.pfx('leader')}")},
        signing=SigningSection(tsa=tuple(tsa)),
        verification=VerificationSection(trust=(pki.root_pem,), crl=(pki.crl_folder,)),
    )

    def ask(code: str, about: Mapping[str, object]) -> Secret:
        return Secret(DEMO_PASSWORD)

    return Engine.from_config(config, ask_secret=ask, online=online)


def _request(letter: Path, out: Path | None, level: str) -> SignRequest:
    return SignRequest(letter, "leader", policy="invisible", out=out, level=level)  # type: ignore[arg-type]


def test_level_t_carries_a_timestamp(letter_path: Path, tmp_path: Path, pki: DemoPki, authority: Authority) -> None:
    """The token lies in the CMS, the time is proven for kyso's own verifier, and other judges find it valid."""
    out = tmp_path / "signed.pdf"
    with _engine(pki, [authority.url]) as engine:
        signed = engine.sign(_request(letter_path, out, "t"))
        report = engine.verify(out)
    assert isinstance(signed, SignedDocument)
    assert signed.level == "t"
    assert out.read_bytes().startswith(letter_path.read_bytes())
    assert [(one.level, one.signing_time.source) for one in report.signatures] == [("B-T", "timestamp")]
    assert [one.valid for one in pdfsig(out)] == [True]
    (judged,) = pyhanko_validate(out.read_bytes(), [pki.root_pem.read_bytes()])
    assert (judged.intact, judged.valid) == (True, True)


def test_a_dead_authority_costs_no_signature(letter_path: Path, tmp_path: Path, pki: DemoPki) -> None:
    """Once the key was used the letter is finished as B-B, and the result says what is missing and why."""
    out = tmp_path / "signed.pdf"
    with _engine(pki, ["http://127.0.0.1:9/tsa"]) as engine:
        signed = engine.sign(_request(letter_path, out, "t"))
        assert engine.verify(out).verdict == "valid"
    assert isinstance(signed, SignedDocument)
    assert signed.level == "b"
    assert "tsa.finished_without" in [notice.code for notice in signed.notices]


@pytest.mark.parametrize(("tsa", "online", "code"), [((), True, "tsa.none_configured"), (None, False, "tsa.offline")])
def test_what_cannot_be_reached_is_refused_before_the_key(
    tsa: tuple[str, ...] | None, online: bool, code: str, letter_path: Path, tmp_path: Path, pki: DemoPki
) -> None:
    """Without an authority or without the network nothing is signed."""
    out = tmp_path / "signed.pdf"
    urls = ("http://127.0.0.1:9/tsa",) if tsa is None else tsa
    with _engine(pki, urls, online=online) as engine, pytest.raises(WrongUse) as caught:
        engine.sign(_request(letter_path, out, "t"))
    assert caught.value.code == code
    assert not out.exists()


def test_level_lt_says_what_it_reached(letter_path: Path, tmp_path: Path, pki: DemoPki, authority: Authority) -> None:
    """A long-term level states what was achieved; with lists for everything it is the level asked for."""
    out = tmp_path / "signed.pdf"
    with _engine(pki, [authority.url]) as engine:
        signed = engine.sign(_request(letter_path, out, "lt"))
        assert isinstance(signed, SignedDocument)
        assert engine.verify(out).verdict == "valid"
    assert signed.level == "lt" or signed.notices, "a lower level than asked for comes with its reason"
    assert signed.size == out.stat().st_size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["letter.pdf", "signed.pdf"]
    with _engine(pki, [authority.url]) as engine, pytest.raises(WrongUse, match=r"signing\.level_needs_file"):
        engine.sign(_request(letter_path, None, "lta"))
