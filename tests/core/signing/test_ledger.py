"""The ledger of a batch: what is written is there after a crash, what was cut off never was, two runs never mix."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kyso.errors import InputRefused, KysoError, WrongUse
from kyso.signing.ledger import Intent, Ledger, fingerprint

JOB = {"do": "sign", "key": "seal"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


def filled(place: Path) -> None:
    """Write a ledger with one letter done, one failed, one intended."""
    with Ledger.open(place, JOB) as ledger:
        ledger.intend([Intent("a.pdf", (10, 1)), Intent("b/ü.pdf", (20, 2), (5, 3)), Intent("c\udce9.pdf", (30, 4))])
        ledger.record("a.pdf", "done", {"status": "signed", "out": "x"})
        ledger.record("b/ü.pdf", "failed", {"status": "failed"})


def test_what_was_written_is_read_back(place: Path) -> None:
    """States, fingerprints, answers, and names that are no UTF-8; the later line of a letter wins."""
    filled(place)
    with Ledger.open(place, JOB) as ledger:
        assert [(one.name, one.state, one.source, one.before) for one in ledger.entries()] == [
            ("a.pdf", "done", (10, 1), None),
            ("b/ü.pdf", "failed", (20, 2), (5, 3)),
            ("c\udce9.pdf", "intended", (30, 4), None),
        ]
        assert ledger.answer("a.pdf") == {"status": "signed", "out": "x"}
        assert ledger.answer("c\udce9.pdf") is None
        assert ledger.answer("unknown.pdf") is None
        ledger.record("a.pdf", "done", {"status": "other"})
        assert ledger.answer("a.pdf") == {"status": "other"}
        assert ledger.entry("a.pdf") is not None


def test_a_line_that_was_cut_never_was(place: Path) -> None:
    """Cut at every octet, the ledger holds a beginning of its lines, takes new ones, and is whole again."""
    filled(place)
    whole = place.read_bytes()
    first = whole.index(b"\n") + 1
    seen = set()
    for length in range(first, len(whole)):
        place.write_bytes(whole[:length])
        with Ledger.open(place, JOB) as ledger:
            seen.add(len(list(ledger.entries())))
            ledger.intend([Intent("new.pdf", (1, 1))])
        assert place.read_bytes().startswith(whole[: whole.rindex(b"\n", 0, length) + 1])
        for line in place.read_bytes().splitlines():
            json.loads(line)
    assert seen == {0, 1, 2, 3}


def test_a_last_line_of_zeros_is_dropped(place: Path) -> None:
    """A machine that lost its power may leave a line of zeros at the end."""
    filled(place)
    good = place.read_bytes()
    place.write_bytes(good + b"\0" * 40 + b"\n")
    with Ledger.open(place, JOB) as ledger:
        assert len(list(ledger.entries())) == 3
    assert place.read_bytes() == good


@pytest.mark.parametrize(
    "data",
    [
        b"hello\n",
        b"{}\n",
        b'{"schema": "kyso.ledger/2", "job": {}}\n',
        b'{"schema": "kyso.ledger/1", "job": 1}\n',
        b'{"schema": "kyso.ledger/1", "job": {}}\nnonsense\n{"note": {}}\n',
        b'{"schema": "kyso.ledger/1", "job": {}}\n{"letter": "a", "state": "done", "answer": {}}\n{"note": {}}\n',
        b'{"schema": "kyso.ledger/1", "job": {}}\n{"letter": "a", "state": "x", "source": [1, 1]}\n{"note": {}}\n',
        b'{"schema": "kyso.ledger/1", "job": {}}\n{"letter": "a", "state": "intended", "source": 1}\n{"note": {}}\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_what_is_no_ledger_is_refused(place: Path, data: bytes) -> None:
    """Other files, other versions, lines in the middle that make no sense: refused, and left as they are."""
    place.write_bytes(data)
    with pytest.raises(InputRefused) as caught:
        Ledger.open(place, JOB)
    assert caught.value.code == "batch.no_ledger"
    assert place.read_bytes() == data


def test_another_job_is_refused_and_named(place: Path) -> None:
    """Another key with the same ledger would mix two batches."""
    filled(place)
    with pytest.raises(WrongUse) as caught:
        Ledger.open(place, {**JOB, "key": "leader", "policy": "invisible"})
    assert caught.value.parameters["entries"] == ["key", "policy"]
    with Ledger.open(place, {**JOB, "key": "leader"}, anew=True) as ledger:
        assert list(ledger.entries()) == []


def test_one_process_holds_a_ledger(place: Path) -> None:
    """A second run with the same ledger is refused while the first is at it, and goes on after it."""
    with Ledger.open(place, JOB), pytest.raises(InputRefused) as caught:
        Ledger.open(place, JOB)
    assert caught.value.code == "batch.ledger_busy"
    with Ledger.open(place, JOB):
        pass


def test_a_place_that_takes_no_file_is_named(tmp_path: Path) -> None:
    """A folder that is not there."""
    with pytest.raises(KysoError) as caught:
        Ledger.open(tmp_path / "none" / "ledger", JOB)
    assert caught.value.code == "output.not_writable"


def test_intents_are_forced_to_the_disk(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One fsync for all letters of a block before any is touched; results share theirs."""
    import os

    forced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (forced.append(descriptor), real(descriptor))[1])
    with Ledger.open(place, JOB) as ledger:
        before = len(forced)
        ledger.intend([Intent(f"{number}.pdf", (1, 1)) for number in range(50)])
        assert len(forced) == before + 1
        for number in range(50):
            ledger.record(f"{number}.pdf", "done", {"status": "signed"})
        assert len(forced) <= before + 2
    assert len(forced) <= before + 3


def test_a_fingerprint_tells_one_file_from_another(tmp_path: Path) -> None:
    """Size and time of change; nothing for a file that is not there."""
    path = tmp_path / "a"
    assert fingerprint(path) is None
    path.write_bytes(b"12345")
    first = fingerprint(path)
    assert first is not None
    assert first[0] == 5
    path.write_bytes(b"123456")
    assert fingerprint(path) != first
