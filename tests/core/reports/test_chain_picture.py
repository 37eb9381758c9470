"""The chain as links: which holds, which is the first that fails."""

from __future__ import annotations

import dataclasses

from kyso.models import Notice
from kyso.reports.chain_picture import links_of
from kyso.verification.report import ChainInfo, SignatureReport, VerificationReport


def with_reasons(signature: SignatureReport, *reasons: Notice, names: tuple[str, ...] | None = None) -> SignatureReport:
    """Return the signature with other reasons, and with other names of an incomplete chain where given."""
    chain = signature.chain if names is None else ChainInfo(None, complete=False, names=names)
    return dataclasses.replace(signature, reasons=reasons, chain=chain)


def states(signature: SignatureReport) -> list[str]:
    """Return the states of the links, the signer's first."""
    return [link.state for link in links_of(signature)]


def test_a_chain_that_holds_ends_in_trust(valid_report: VerificationReport) -> None:
    """Signer and authority hold, the root is trusted."""
    links = links_of(valid_report.signatures[0])
    assert [link.state for link in links] == ["holds", "holds", "trusted"]
    assert [link.role for link in links] == ["signer", "authority", "root"]
    assert [link.name for link in links] == list(valid_report.signatures[0].chain.names)


def test_an_untrusted_root_is_the_first_failing_link(untrusted_report: VerificationReport) -> None:
    """Revocation that nobody could vouch for is not named before the root that nobody added."""
    links = links_of(untrusted_report.signatures[0])
    assert [link.state for link in links] == ["holds", "holds", "untrusted"]
    assert [link.failure.code if link.failure else None for link in links] == [None, None, "chain.root_not_trusted"]


def test_a_missing_issuer_is_drawn(valid_report: VerificationReport) -> None:
    """The certificate that is not there has a link of its own, with the name its subordinate gives it."""
    missing = Notice("chain.issuer_missing", {"issuer": "National Root"})
    links = links_of(with_reasons(valid_report.signatures[0], missing, names=("A", "CA")))
    assert [(link.name, link.state) for link in links] == [
        ("A", "holds"),
        ("CA", "holds"),
        ("National Root", "missing"),
    ]


def test_the_link_nearest_to_the_signer_comes_first(valid_report: VerificationReport) -> None:
    """A revoked authority fails at its place, what lies above it was not reached; an expired signer comes before it."""
    signature = valid_report.signatures[0]
    revoked = Notice("chain.ca_revoked", {"subject": signature.chain.names[1]})
    assert states(with_reasons(signature, revoked)) == ["holds", "fails", "beyond"]
    expired = Notice("certificate.expired", {})
    assert states(with_reasons(signature, revoked, expired)) == ["fails", "beyond", "beyond"]


def test_unchecked_revocation_is_unclear_not_failing(valid_report: VerificationReport) -> None:
    """Not known is not the same as wrong."""
    unknown = Notice("certificate.revocation_unknown", {})
    assert states(with_reasons(valid_report.signatures[0], unknown)) == ["unclear", "beyond", "beyond"]


def test_without_a_certificate_there_is_a_missing_signer(valid_report: VerificationReport) -> None:
    """A signature whose certificate was not found still has a picture."""
    gone = with_reasons(valid_report.signatures[0], Notice("cms.certificate_missing"), names=())
    assert [(link.role, link.state) for link in links_of(gone)] == [("signer", "missing")]


def test_other_reasons_are_no_matter_of_the_chain(valid_report: VerificationReport) -> None:
    """A changed document has a chain that holds."""
    assert states(with_reasons(valid_report.signatures[0], Notice("change.forbidden"))) == ["holds", "holds", "trusted"]
