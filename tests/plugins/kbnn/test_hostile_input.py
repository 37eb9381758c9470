"""Whatever bytes arrive, the answer is a verdict or a refusal with a code; a damaged envelope is never valid."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kyso import text
from kyso.demo.pki import DemoPki
from kyso.plugin import KysoError
from kyso_kbnn.authentication_data import write_authentication_data
from kyso_kbnn.body import to_json_bytes
from kyso_kbnn.check import check_input, input_of_body
from kyso_kbnn.envelope_check import check_envelope
from kyso_kbnn.exporter import EnvelopeExporter, read_any
from kyso_kbnn.profile import default_profile
from kyso_kbnn.signing import sign_content
from kyso_kbnn.xades import check_xml_signature, finish_xml_signature, prepare_xml_signature
from tests.plugins.kbnn.dossiers import dossier, raw_dossier
from tests.plugins.kbnn.keys import judge_of, key_of
from tests.plugins.kbnn.test_workbook import filled

PROFILE = default_profile()
NOW = datetime.now(UTC).replace(microsecond=0)
ROUNDS = 120
STRANGE: tuple[Any, ...] = (
    None,
    -1,
    1.5,
    "",
    [],
    {},
    True,
    "x" * 40_000,
    [[]],
    {"a": []},
    10**30,
    1e300,
    "a\u0301",
    "\x00",
)

text.add_catalogue("kyso_kbnn")


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Change, remove and repeat bytes here and there."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        position = chance.randrange(len(changed))
        match chance.randrange(3):
            case 0:
                changed[position] ^= 1 << chance.randrange(8)
            case 1 if len(changed) > 100:
                del changed[position : position + chance.randrange(1, 50)]
            case _:
                changed[position:position] = changed[chance.randrange(len(changed)) :][: chance.randrange(1, 60)]
    return bytes(changed)


def bent(data: bytes, chance: random.Random) -> bytes:
    """Replace single members of a JSON document by strange values."""
    raw = json.loads(data)
    for _ in range(chance.choice((1, 2, 4))):
        node: Any = raw
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = chance.choice(keys)
            if isinstance(node[key], (dict, list)) and node[key] and chance.random() < 0.8:
                node = node[key]
                continue
            node[key] = chance.choice(STRANGE)
            break
    return json.dumps(raw).encode()


@pytest.mark.parametrize("break_", [damaged, bent])
def test_a_broken_body_is_a_verdict_or_a_refusal(pki: DemoPki, break_: Callable[[bytes, random.Random], bytes]) -> None:
    """The body of SendDocument, bytes and values spoiled at random."""
    later = NOW + timedelta(minutes=1)
    exporter = EnvelopeExporter(lambda role: key_of(pki.identities[role]), now=lambda: NOW)
    good = exporter.export(to_json_bytes(raw_dossier()), {})
    chance = random.Random(935)
    seen = set()
    for _ in range(ROUNDS):
        try:
            given = input_of_body(break_(good, chance), "body.json", PROFILE)
            report = check_input(given, PROFILE, lambda: judge_of(pki, later), later)
            assert json.loads(json.dumps(report.as_json()))["verdict"] == report.verdict
            seen.add(report.verdict)
        except KysoError as refused:
            seen.add(refused.code)
    assert "invalid" in seen


def test_a_damaged_envelope_is_never_valid(pki: DemoPki) -> None:
    """Envelope and XML signature, spoiled at random."""
    content = write_authentication_data(dossier(), PROFILE)
    key = key_of(pki.identities["accountant"])
    envelope = sign_content(content, "accountant", key, NOW, PROFILE, document_name="TEST").to_xml(PROFILE)
    certificates = (key.certificate, *key.chain[:1])
    prepared = prepare_xml_signature(content, "accountant", certificates, key.schemes, NOW, PROFILE)
    answer = key.sign(prepared.to_sign("TEST"), prepared.scheme)
    signed = finish_xml_signature(prepared, answer.values[0])  # type: ignore[union-attr]  # a file answers at once
    chance = random.Random(7204)
    for _ in range(ROUNDS):
        changed = damaged(envelope, chance)
        if changed != envelope:
            assert check_envelope(content, changed, "accountant", PROFILE, judge_of(pki), NOW).verdict != "valid"
        assert check_xml_signature(damaged(signed, chance), content, judge_of(pki))[0] in (
            "valid",  # blanks between elements of KeyInfo are under no signature
            "invalid",
            "undetermined",
        )


@pytest.mark.parametrize("source", ["json", "workbook"])
def test_a_broken_dossier_is_problems_or_a_refusal(source: str) -> None:
    """kyso's JSON form and the workbook, spoiled at random; every problem has words."""
    good = to_json_bytes(raw_dossier()) if source == "json" else filled()
    chance = random.Random(224)
    problems = 0
    worded: list[bool] = []
    for number in range(ROUNDS):
        data = bent(good, chance) if source == "json" and number % 2 else damaged(good, chance)
        try:
            found = read_any(data, PROFILE, {}, "input")[1]
        except KysoError as refused:
            worded.append(refused.message("vi") != refused.code)
            continue
        assert all(problem.message("vi") != problem.code for problem in found)
        problems += bool(found)
    assert worded
    assert all(worded)
    assert problems or source == "workbook"
