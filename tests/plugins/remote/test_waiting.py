"""Letters that wait for the phone, through the engine: kept before they are sent, finished when the answer comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kyso.config import Config, KeySection, RecordsSection
from kyso.engine import Engine
from kyso.errors import KysoError, RemoteFailed, WrongUse
from kyso.models import FailedSignature, PendingSignature, SignedDocument, SignRequest
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, PERSON_ID
from tests.plugins.registry import registry_with
from tests.plugins.remote.conftest import Remote

Start = Callable[..., Remote]


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the client secret where the key source looks for it."""
    monkeypatch.setenv("KYSO_MYSIGN_CLIENT_SECRET", CLIENT_SECRET)


def _config(remote: Remote, folder: Path) -> Config:
    access = {"base_url": remote.url, "client_id": CLIENT_ID, "allow_private": True, "deadline_s": 5}
    return Config(
        keys={"leader": KeySection(uri=f"mysign:CMT_{PERSON_ID}")},
        records=RecordsSection(url=f"sqlite:///{folder / 'records.sqlite3'}"),
        plugins={"mysign": access},
    )


def _engine(config: Config) -> Engine:
    return Engine(config, registry_with("kyso_remote"), online=True)


def _request(letter: Path, out: Path) -> SignRequest:
    return SignRequest(letter, "leader", policy="invisible", out=out)


def _resumed(config: Config, prepared_id: str) -> list[object]:
    """Ask until the answer is there, each time with a new engine, as after a reboot."""
    for _ in range(30):
        with _engine(config) as engine:
            outcomes = list(engine.resume(prepared_id))
        if not isinstance(outcomes[0], PendingSignature):
            return outcomes
        time.sleep(0.05)
    raise AssertionError("still pending")


def test_a_letter_is_finished_by_another_engine(start: Start, letter_path: Path, tmp_path: Path) -> None:
    """Sent by one engine, found waiting by the next, finished where it was asked for, then waited for no more."""
    config = _config(start("mysign"), tmp_path)
    out = tmp_path / "signed.pdf"
    with _engine(config) as engine:
        waiting = engine.sign(_request(letter_path, out))
    assert isinstance(waiting, PendingSignature)
    assert not out.exists()
    with _engine(config) as engine:
        (record,) = engine.pending()
    assert (record.id, record.state, record.out_path) == (waiting.prepared_id, "pending", out)
    (signed,) = _resumed(config, waiting.prepared_id)
    assert isinstance(signed, SignedDocument)
    assert out.read_bytes().startswith(letter_path.read_bytes())
    with _engine(config) as engine:
        assert engine.verify(out).integrity == "intact"
        assert engine.pending() == []
        with pytest.raises(WrongUse, match=r"records\.prepared_ended"):
            engine.resume(waiting.prepared_id)
    assert not list((tmp_path / "prepared").iterdir())


def test_letters_of_a_batch_share_one_confirmation(start: Start, letter_pdf: bytes, tmp_path: Path) -> None:
    """Three letters go out in one request; resuming one of them finishes all three."""
    remote = start("mysign")
    config = _config(remote, tmp_path)
    requests = []
    for number in range(3):
        letter = tmp_path / f"letter-{number}.pdf"
        letter.write_bytes(letter_pdf)
        requests.append(_request(letter, tmp_path / f"signed-{number}.pdf"))
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"no letter")
    requests.insert(1, _request(broken, tmp_path / "never.pdf"))
    with _engine(config) as engine:
        outcomes = list(engine.sign_many(requests))
    assert [type(outcome) for outcome in outcomes] == [
        PendingSignature, FailedSignature, PendingSignature, PendingSignature,
    ]  # fmt: skip
    waiting = [outcome for outcome in outcomes if isinstance(outcome, PendingSignature)]
    assert len({one.pending.ticket for one in waiting}) == 1, "one request for all"
    finished = _resumed(config, waiting[1].prepared_id)
    assert len(finished) == 3
    with _engine(config) as engine:
        for number in range(3):
            assert engine.verify(tmp_path / f"signed-{number}.pdf").integrity == "intact"


def test_a_declined_letter_stays_unsigned(start: Start, letter_path: Path, tmp_path: Path) -> None:
    """A rejection ends the waiting: no output, nothing kept, and the cause has its name."""
    config = _config(start("mysign", "reject"), tmp_path)
    out = tmp_path / "signed.pdf"
    with _engine(config) as engine:
        waiting = engine.sign(_request(letter_path, out))
    assert isinstance(waiting, PendingSignature)
    with pytest.raises(KysoError, match=r"remote\.rejected"):
        _resumed(config, waiting.prepared_id)
    with _engine(config) as engine:
        assert engine.pending() == []
    assert not out.exists()


def test_an_unknown_outcome_is_kept_for_a_person(start: Start, letter_path: Path, tmp_path: Path) -> None:
    """A connection cut after sending keeps the intent; resuming says to look at the phone; nothing is sent again."""
    config = _config(start("mysign", "drop"), tmp_path)
    with _engine(config) as engine:
        with pytest.raises(RemoteFailed, match=r"remote\.outcome_unknown"):
            engine.sign(_request(letter_path, tmp_path / "signed.pdf"))
        (record,) = engine.pending()
        assert (record.state, record.ticket) == ("intended", None)
        with pytest.raises(RemoteFailed, match=r"pending\.outcome_unknown"):
            engine.resume(record.id)
        engine.cancel(record.id)
        assert engine.pending() == []
    assert not list((tmp_path / "prepared").iterdir())


def test_a_prepared_file_changed_meanwhile_is_not_signed(start: Start, letter_path: Path, tmp_path: Path) -> None:
    """What was tampered with while it waited is noticed; the letter is not published."""
    config = _config(start("mysign"), tmp_path)
    out = tmp_path / "signed.pdf"
    with _engine(config) as engine:
        waiting = engine.sign(_request(letter_path, out))
    assert isinstance(waiting, PendingSignature)
    kept = tmp_path / "prepared" / f"{waiting.prepared_id}.pdf"
    data = bytearray(kept.read_bytes())
    data[500] ^= 1
    kept.write_bytes(data)
    (failed,) = _resumed(config, waiting.prepared_id)
    assert isinstance(failed, FailedSignature)
    assert failed.code == "prepared.changed"
    assert not out.exists()


def test_a_hundred_letters_cost_one_request(start: Start, letter_pdf: bytes, tmp_path: Path) -> None:
    """A folder of a hundred letters rings the phone once, with every name on it, and one answer finishes them all."""
    remote = start("mysign")
    config = _config(remote, tmp_path)
    requests = []
    for number in range(100):
        letter = tmp_path / f"cong-van-{number:03d}.pdf"
        letter.write_bytes(letter_pdf)
        requests.append(_request(letter, tmp_path / f"signed-{number:03d}.pdf"))
    with _engine(config) as engine:
        outcomes = list(engine.sign_many(requests))
        waiting = [outcome for outcome in outcomes if isinstance(outcome, PendingSignature)]
        assert len(waiting) == 100
    phone = remote.fetch("GET", "/phone").decode()
    assert phone.count("<section>") == 1
    assert phone.count("<li>") == 100
    finished = _resumed(config, waiting[42].prepared_id)
    assert len(finished) == 100
    assert all(isinstance(outcome, SignedDocument) for outcome in finished)
    with _engine(config) as engine:
        for number in (0, 42, 99):
            assert engine.verify(tmp_path / f"signed-{number:03d}.pdf").integrity == "intact"
        assert engine.pending() == []
