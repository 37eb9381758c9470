"""What an empty signature field demands of its signature: the seed value dictionary (ISO 32000-2, 12.7.5.5, table 237).

A seed value binds only where its bit in /Ff is set. Demands that kyso can judge are judged; a binding demand that it
cannot judge refuses the signature, for a demand that is not understood is not one that was met.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pikepdf import Array, Dictionary

from kyso.contracts import Finding
from kyso.document.fields import text_or_none

if TYPE_CHECKING:
    from kyso.document.fields import SignatureField

_FILTER, _SUBFILTER, _V, _REASONS, _LEGAL, _REVOCATION, _DIGEST, _LOCK_DOCUMENT, _APPEARANCE = (
    1 << bit for bit in range(9)
)
_NOT_JUDGED = {
    "/V": _V,
    "/LegalAttestation": _LEGAL,
    "/AddRevInfo": _REVOCATION,
    "/LockDocument": _LOCK_DOCUMENT,
    "/AppearanceFilter": _APPEARANCE,
}
_BASIC_PARSER = 2  # /V up to this asks for nothing beyond the entries judged here


def seed_value_findings(
    field: SignatureField, *, subfilter: str, digest: str | None, reason: str | None, certify: int | None
) -> list[Finding]:
    """Return the demands of `field` that the planned signature does not meet, and those that cannot be judged."""
    seed = field.node.get("/SV") if "/SV" in field.node else None
    if not isinstance(seed, Dictionary):
        return []
    flags = seed.get("/Ff") if "/Ff" in seed else 0
    flags = flags if isinstance(flags, int) else 0
    findings = []

    def demand(entry: str, wanted: object, given: object) -> None:
        findings.append(
            Finding(
                "signing.seed_value",
                {"field": field.name, "entry": entry, "wanted": wanted, "given": given},
                refuse=True,
            )
        )

    if flags & _FILTER and "/Filter" in seed and seed.get("/Filter") != "/Adobe.PPKLite":
        demand("/Filter", str(seed.get("/Filter")), "/Adobe.PPKLite")
    allowed = _names(seed.get("/SubFilter")) if "/SubFilter" in seed else []
    if flags & _SUBFILTER and allowed and subfilter not in allowed:
        demand("/SubFilter", allowed, subfilter)
    digests = _names(seed.get("/DigestMethod")) if "/DigestMethod" in seed else []
    if flags & _DIGEST and digests and digest is not None and digest.upper() not in (name.upper() for name in digests):
        demand("/DigestMethod", digests, digest)
    if flags & _REASONS:
        reasons = _names(seed.get("/Reasons")) if "/Reasons" in seed else []
        if reasons in ([], ["."]):
            # Nothing, or a lone full stop, says that no reason shall be given.
            if reason:
                demand("/Reasons", "", reason)
        elif reason not in reasons:
            demand("/Reasons", reasons, reason or "")
    mdp = seed.get("/MDP") if "/MDP" in seed else None
    if isinstance(mdp, Dictionary) and (mdp.get("/P") or 0) != (certify or 0):
        # /MDP always binds: 0 wants an approval signature, 1 to 3 a certification with this permission.
        demand("/MDP", mdp.get("/P"), certify or 0)
    for entry, bit in _NOT_JUDGED.items():
        if flags & bit and entry in seed and not (entry == "/V" and (seed.get(entry) or 0) <= _BASIC_PARSER):
            demand(entry, str(seed.get(entry)), "")
    certificates = seed.get("/Cert") if "/Cert" in seed else None
    if isinstance(certificates, Dictionary) and certificates.get("/Ff"):
        demand("/Cert", "", "")
    timestamp = seed.get("/TimeStamp") if "/TimeStamp" in seed else None
    if isinstance(timestamp, Dictionary) and timestamp.get("/Ff"):
        demand("/TimeStamp", text_or_none(timestamp.get("/URL")) or "", "")
    return findings


def _names(value: object) -> list[str]:
    """Return names and strings of an array as text, without the names' slash."""
    return [str(item).removeprefix("/") for item in value.as_list()] if isinstance(value, Array) else []
