"""The chain of a signature as a row of links: which hold, which is the first that fails, and how to mend it.

The first failing link is the one nearest to the signer; what lies above it was not what kept the chain from holding.
A revocation that could not be checked comes after every other cause, because without a trusted chain nobody can vouch
for an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from kyso.frozen import dataclass

if TYPE_CHECKING:
    from kyso.models import Notice
    from kyso.verification.report import SignatureReport

LinkRole = Literal["signer", "authority", "root"]
LinkState = Literal["holds", "trusted", "fails", "untrusted", "unclear", "missing", "beyond"]

_UNCLEAR: Final = frozenset(
    {"certificate.revocation_unknown", "certificate.revocation_stale", "chain.ca_revocation_unknown"}
)


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One certificate of the chain, the signer's first.

    :param name: the subject as people know it; empty where nothing is known.
    :param state: ``trusted`` is the anchor of a chain that holds, ``untrusted`` a root that nobody added, ``unclear``
        a certificate whose revocation could not be checked, ``missing`` one that is not there, ``beyond`` one above
        the first failing link.
    :param failure: what is the matter with the first failing link.
    """

    role: LinkRole
    name: str
    state: LinkState
    failure: Notice | None = None


def links_of(signature: SignatureReport) -> tuple[ChainLink, ...]:
    """Return the links of a signature's chain from the signer upwards."""
    names = list(signature.chain.names)
    position, failure = _first_failure(signature)
    if failure is not None and position == len(names):
        names.append(str(failure.parameters.get("issuer", "")))
    links = []
    for number, name in enumerate(names):
        last = number == len(names) - 1
        role: LinkRole = "signer" if number == 0 else "root" if last and _ends_in_root(signature) else "authority"
        state: LinkState = "holds"
        if failure is not None and number > position:
            state = "beyond"
        elif failure is not None and number == position:
            state = "missing" if number >= len(signature.chain.names) else _state(failure)
        elif last and signature.chain.complete:
            state = "trusted"
        links.append(ChainLink(role, name, state, failure if number == position else None))
    return tuple(links)


def _ends_in_root(signature: SignatureReport) -> bool:
    return signature.chain.complete or any(notice.code == "chain.root_not_trusted" for notice in signature.reasons)


def _first_failure(signature: SignatureReport) -> tuple[int, Notice | None]:
    """Return the failing link nearest to the signer and what is wrong with it."""
    found = [(place, notice) for notice in signature.reasons if (place := _place(notice, signature)) is not None]
    return min(found, key=lambda item: (item[1].code in _UNCLEAR, item[0]), default=(-1, None))


def _state(failure: Notice) -> LinkState:
    if failure.code == "chain.root_not_trusted":
        return "untrusted"
    return "unclear" if failure.code in _UNCLEAR else "fails"


def _place(notice: Notice, signature: SignatureReport) -> int | None:
    """Return which link a reason is about, ``None`` where it is not about the chain."""
    names = signature.chain.names
    if notice.code == "cms.certificate_missing":
        return 0
    if notice.code.startswith("certificate."):
        return 0
    if not notice.code.startswith(("chain.", "trust.")):
        return None
    if notice.code == "chain.issuer_missing":
        return len(names)
    subject = notice.parameters.get("subject")
    # A rule that names no certificate is broken by the path as a whole, which ends at its top.
    return names.index(subject) if isinstance(subject, str) and subject in names else max(len(names) - 1, 0)
