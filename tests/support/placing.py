"""Runs placement policies as the engine does, on real letters, and writes what they decide with the real writer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import kyso_decree30
import kyso_kbnn
from kyso import text
from kyso.contracts import Contribution, PlacementIntent, PlacementPolicy, Signer
from kyso.document.opening import open_letter
from kyso.models import VIETNAM_TIME, Placement
from kyso.placement import fixed, invisible
from kyso.placement.settings import parse_settings
from kyso.update.plan import SignaturePlan
from kyso.update.writer import write_update
from kyso.verification.report import VerificationReport
from kyso_stamps.draw import draw
from kyso_stamps.fonts import FontChoice

SIGNED_AT = datetime(2026, 11, 22, 9, 15, 7, tzinfo=VIETNAM_TIME)
FONTS = FontChoice()


def _policies() -> dict[str, Contribution[PlacementPolicy]]:
    found = {"fixed": fixed.contribution(), "invisible": invisible.contribution()}

    def register(contribution: Contribution[PlacementPolicy]) -> None:
        found[contribution.name] = contribution

    for plugin in (kyso_decree30, kyso_kbnn):
        plugin.register_catalogues(text.add_catalogue)
    kyso_decree30.register_placement_policies(register)
    kyso_kbnn.register_placement_policies(register)
    return found


POLICIES = _policies()


def _no_report() -> VerificationReport:
    raise AssertionError("this policy must not verify")


def intent(
    policy: str,
    settings: Mapping[str, str] | None = None,
    *,
    image: Path | None = None,
    signer: str = "Nguyễn Văn Mẫu",
    report: Callable[[], VerificationReport] = _no_report,
    **given: Any,
) -> PlacementIntent:
    """Return what the engine would hand to the policy."""
    values: dict[str, Any] = {
        "signer": Signer(signer, "Cơ quan thử nghiệm"),
        "signed_at": SIGNED_AT,
        "values": parse_settings(POLICIES[policy].settings, settings or {}),
        "organisation": "ỦY BAN NHÂN DÂN TỈNH ABC",
        "image": image,
        "page": None,
        "rect_mm": None,
        "anchor": None,
        "field": None,
        "leader_field": None,
        "time_pattern": "%d/%m/%Y %H:%M:%S +07:00",
        "fonts": FONTS,
        "check_signatures": report,
    }
    return PlacementIntent(**{**values, **given})


def place(data: bytes, policy: str, settings: Mapping[str, str] | None = None, **given: Any) -> Placement:
    """Ask a policy for a place."""
    with open_letter(data) as letter:
        return POLICIES[policy].load().place(letter, intent(policy, settings, **given))


def written(data: bytes, placement: Placement) -> bytes:
    """Return the letter with the stamp in a signature field whose signature is still empty."""
    appearance = None if placement.stamp is None else draw(placement.stamp, FONTS)
    with open_letter(data) as letter:
        plan = SignaturePlan(
            page=placement.page,
            rect_mm=placement.rect_mm,
            appearance=appearance,
            field=placement.field,
            subfilter="ETSI.CAdES.detached",
            contents_size=64,
            signed_at=SIGNED_AT,
            signer_name="",
            policy=placement.policy,
        )
        return data + write_update(letter, plan).data
