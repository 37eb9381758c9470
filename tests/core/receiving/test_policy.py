"""The intake policy: what it reads, what it refuses, how it decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kyso.contracts import Conformity
from kyso.engine import Engine
from kyso.errors import ConfigWrong
from kyso.models import Notice
from kyso.receiving.policy import IntakePolicy, Judged, decide, load_policy
from kyso.text import Text
from kyso.verification.report import VerificationReport
from tests.core.receiving.conftest import Letters

HEAD = 'schema = "kyso.intake-policy/1"\n'


@pytest.fixture(scope="module")
def report(letters: Letters, pki: Any) -> VerificationReport:
    """The report of a valid letter."""
    with Engine.from_config() as engine:
        return engine.verify(letters.signed, trust=[pki.root_pem], crls=[pki.crl_folder])


def policy(tmp_path: Path, text: str) -> IntakePolicy:
    """Read a policy."""
    path = tmp_path / "policy.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    return load_policy(path)


def judged(report: VerificationReport, *, form: Any = "electronic", **changed: Any) -> Judged:
    """Return what a policy looks at, with parts of the report changed."""
    return Judged(replace(report, **changed), form, ("Ủy ban nhân dân xã An Bình", "Bưu điện"))


@pytest.mark.parametrize(
    ("changed", "kind", "rule"),
    [
        ({}, "accept", "valid"),
        ({"verdict": "invalid", "integrity": "broken"}, "suspicious", "broken"),
        ({"verdict": "invalid", "changes": "forbidden"}, "suspicious", "changed"),
        ({"verdict": "invalid", "warnings": (Notice("certificate.revoked"),)}, "suspicious", "untrustworthy"),
        ({"verdict": "invalid", "warnings": (Notice("chain.distrusted"),)}, "suspicious", "untrustworthy"),
        ({"verdict": "invalid"}, "return", "invalid"),
        ({"verdict": "undetermined"}, "suspicious", "undetermined"),
        ({"verdict": "unsigned", "signatures": ()}, "return", "unsigned"),
        ({"verdict": "unreadable", "signatures": ()}, "return", "unreadable"),
    ],
)
def test_the_built_in_policy(report: VerificationReport, changed: dict[str, Any], kind: str, rule: str) -> None:
    """Altered or compromised is suspicious, wrong is returned, unknown is held, valid is accepted."""
    decision = decide(load_policy(), judged(report, **changed))
    assert (decision.kind, decision.rule) == (kind, rule)
    assert decision.reasons[0].words.vi
    assert decision.reasons[0].words.en


def test_the_first_rule_that_holds_decides(report: VerificationReport, tmp_path: Path) -> None:
    """All conditions of a rule must hold, any value of a condition is enough, and order counts."""
    rules = policy(
        tmp_path,
        """
        [[rules]]
        name = "few"
        decision = "return"
        verdict = ["valid"]
        fewer_signatures_than = 2
        senders = ["bưu ĐIỆN", "nobody"]
        [[rules]]
        name = "all"
        decision = "accept"
        """,
    )
    assert decide(rules, judged(report)).rule == "few"
    assert decide(rules, judged(report, signatures=report.signatures * 2)).rule == "all"
    assert decide(rules, judged(report, verdict="invalid")).rule == "all"
    assert decide(replace(rules, rules=()), judged(report)).rule == "otherwise"
    assert decide(replace(rules, rules=()), judged(report)).kind == "suspicious"


def test_form_and_conformity_are_conditions(report: VerificationReport, tmp_path: Path) -> None:
    """Only rules of form that are not met count; a scan is told from an electronic letter."""
    rules = policy(
        tmp_path,
        """
        [[rules]]
        name = "form"
        decision = "return"
        conformity = ["decree30.seal*"]
        [[rules]]
        name = "scan"
        decision = "suspicious"
        form = ["paper"]
        [[rules]]
        name = "rest"
        decision = "accept"
        """,
    )
    detail = Text("Sai", "Wrong")
    unmet = Conformity("decree30.seal_size", "8", "not_met", detail)
    decision = decide(rules, judged(report, conformity=(unmet,)))
    assert decision.rule == "form"
    assert detail in [reason.words for reason in decision.reasons]
    assert decide(rules, judged(report, conformity=(replace(unmet, status="met"),))).rule == "rest"
    assert decide(rules, judged(report, form="paper")).rule == "scan"


def test_known_signers_are_demanded(report: VerificationReport, tmp_path: Path) -> None:
    """A body's letter without one of its known signers is not accepted, however valid; other bodies are free."""
    certificate = report.signatures[0].certificate
    assert certificate is not None
    rules = """
        [[rules]]
        name = "valid"
        decision = "accept"
        verdict = ["valid"]
        [[senders]]
        name = "*XÃ AN BÌNH*"
        signers = ["{signer}"]
        """
    for signer in ("CCCD:000000000001", "*an bình thử nghiệm", certificate.sha256.upper()):
        assert decide(policy(tmp_path, rules.format(signer=signer)), judged(report)).kind == "accept"
    unexpected = decide(policy(tmp_path, rules.format(signer="MST:123")), judged(report))
    assert (unexpected.kind, unexpected.rule) == ("suspicious", "senders.*XÃ AN BÌNH*")
    elsewhere = policy(tmp_path, rules.format(signer="MST:123").replace("AN BÌNH", "KHÁC"))
    assert decide(elsewhere, judged(report)).kind == "accept"


@pytest.mark.parametrize(
    "text",
    [
        'otherwise = "perhaps"',
        "retention = 3",
        "[retention]\nyears = 0",
        "[retention]\nyears = true",
        "[retention]\nyear = 3",
        "rules = 1",
        "rules = [1]",
        '[[rules]]\nname = "x"',
        '[[rules]]\nname = "x"\ndecision = "accept"\nverdict = ["good"]',
        '[[rules]]\nname = "x"\ndecision = "accept"\nverdicts = ["valid"]',
        '[[rules]]\nname = "x"\ndecision = "accept"\nreasons = "a"',
        '[[rules]]\nname = "x"\ndecision = "accept"\nreasons = [1]',
        '[[senders]]\nname = "x"\nsigners = []',
        '[[senders]]\nname = "x"\nsigners = ["y"]\ndecision = "accept"',
        "x = [[[[[[[[",
    ],
)
def test_what_is_no_policy_is_refused(tmp_path: Path, text: str) -> None:
    """A misspelt policy never decides; the error names the place."""
    with pytest.raises(ConfigWrong) as raised:
        policy(tmp_path, text)
    assert raised.value.code in ("intake.policy_wrong", "intake.policy_unreadable")
    assert "policy.toml" in raised.value.message("vi")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Missing, of another encoding, of another schema, or larger than any policy."""
    path = tmp_path / "policy.toml"
    for data in (None, b"\xff\xfe", b'schema = "kyso.policy/9"', b"#" * ((1 << 20) + 1)):
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(ConfigWrong):
            load_policy(path)
