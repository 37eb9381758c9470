"""The trust store: which roots, are they the ones they say, do the revocation lists still hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kyso.contracts import Diagnosis
from kyso.models import VIETNAM_TIME

if TYPE_CHECKING:
    from pathlib import Path

    from kyso.cms.certificate import Certificate
    from kyso.contracts import Examination
    from kyso.verification.crl import RevocationList

GREATEST_LISTED = 20
"""Roots and lists beyond this number are counted, not told one by one."""


class TrustDiagnostic:
    """Looks at the roots and revocation lists that verification and signing use."""

    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        """Return a line for each root and each list."""
        from kyso.verification.distrust import distrust_list
        from kyso.verification.trust import load_trust

        trust, crls = trust_places(examination)
        store = load_trust(trust, crls)
        for problem in store.problems:
            yield Diagnosis(problem.code, "warning", problem.parameters)
        if not store.anchors:
            yield Diagnosis("diagnosing.no_roots", "warning", {"places": trust or ("-",)})
        for root in store.anchors[:GREATEST_LISTED]:
            yield _root(root, examination)
        if len(store.anchors) > GREATEST_LISTED:
            yield Diagnosis("diagnosing.roots_more", "ok", {"count": len(store.anchors) - GREATEST_LISTED})
        unsafe = distrust_list(trust)
        if unsafe:
            yield Diagnosis("diagnosing.distrusted", "ok", {"names": [entry.subject for entry in unsafe]})
        if not store.crls and not examination.online:
            yield Diagnosis("diagnosing.no_crl", "warning")
        for crl in store.crls[:GREATEST_LISTED]:
            yield _list(crl, examination)


def trust_places(examination: Examination) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return where roots and lists are looked for: the configured places, else the folder that `kyso trust` keeps."""
    from kyso.verification.trust_folder import default_folder

    section = examination.config.verification
    trust = section.trust
    if not trust and default_folder().is_dir():
        trust = (default_folder(),)
    return trust, section.crl


def _root(root: Certificate, examination: Examination) -> Diagnosis:
    from kyso.verification.known_roots import known_as, pretends_to_be
    from kyso.verification.trust_folder import is_weak

    about = {
        "name": root.display_name,
        "date": f"{root.not_after.astimezone(VIETNAM_TIME):%d/%m/%Y}",
        "sha256": root.sha256,
    }
    pretended = pretends_to_be(root)
    if pretended is not None:
        return Diagnosis("diagnosing.root_pretends", "failure", {**about, "published": pretended.published_at})
    if not root.not_before <= examination.now <= root.not_after:
        return Diagnosis("diagnosing.root_expired", "warning", about)
    if is_weak(root):
        return Diagnosis("diagnosing.root_weak", "warning", about)
    known = known_as(root)
    if known is not None:
        return Diagnosis("diagnosing.root_known", "ok", {**about, "organisation": known.organisation})
    return Diagnosis("diagnosing.root_other", "ok", about)


def _list(crl: RevocationList, examination: Examination) -> Diagnosis:
    from kyso.cms.certificate import shown_name

    about = {"issuer": shown_name(crl.issuer), "date": "-"}
    if crl.next_update is None:
        return Diagnosis("diagnosing.crl", "ok", about)
    about["date"] = f"{crl.next_update.astimezone(VIETNAM_TIME):%d/%m/%Y %H:%M}"
    if crl.next_update < examination.now:
        return Diagnosis("diagnosing.crl_stale", "warning", about)
    return Diagnosis("diagnosing.crl", "ok", about)
