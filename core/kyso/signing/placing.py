"""The stages *place* and *draw*: from a request and an opened letter to a placement and its appearance.

Signing and preview go through here, so that a preview is the truth.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kyso.contracts import PlacementIntent
from kyso.errors import SigningRefused, WrongUse
from kyso.models import VIETNAM_TIME, Notice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kyso.config import SealSection
    from kyso.contracts import Letter, Owner, Signer
    from kyso.models import Placement, SignRequest
    from kyso.signing.context import SigningContext
    from kyso.update.plan import FilledField
    from kyso_stamps import Appearance, StampSpec
    from kyso_stamps.template import Template

INVISIBLE = "invisible"
_ROLES = ("leader", "seal")


def policy_name(request: SignRequest, context: SigningContext) -> str:
    """Return the policy the request asks for, else the configured one.

    :raises WrongUse: neither names one.
    """
    if request.policy is not None:
        return request.policy
    if context.config.signing.policy is not None:
        return context.config.signing.policy
    if request.rect_mm is not None:
        return "fixed"
    raise WrongUse("signing.no_policy", policies=sorted(context.registry.contributions("placement_policies")))


def policy_owner(request: SignRequest, context: SigningContext) -> Owner | None:
    """Return whose certificate the policy asks for, ``None`` where it leaves that open.

    :raises WrongUse: there is no such policy.
    """
    return context.registry.contribution("placement_policies", policy_name(request, context)).owner


def signing_time(request: SignRequest, context: SigningContext) -> datetime:
    """Return the claimed time in Vietnam's zone, to the second.

    :raises WrongUse: the request's time carries no zone.
    """
    moment = request.signed_at if request.signed_at is not None else context.now()
    if moment.tzinfo is None:
        raise WrongUse("signing.time_without_zone", time=moment.isoformat())
    return moment.astimezone(VIETNAM_TIME).replace(microsecond=0)


def place(
    letter: Letter, request: SignRequest, signer: Signer, signed_at: datetime, context: SigningContext
) -> Placement:
    """Ask the policy for a place and a stamp.

    :raises SigningRefused: the policy found no lawful place.
    :raises WrongUse: unknown policy, or a setting it does not know.
    """
    name = policy_name(request, context)
    values, template = _wishes(name, request, context)
    intent = PlacementIntent(
        signer=signer,
        signed_at=signed_at,
        values=values,
        organisation=context.config.organisation.name or signer.organisation,
        image=request.image if request.image is not None else configured_image(name, request, context, template),
        page=request.page,
        rect_mm=request.rect_mm,
        anchor=request.anchor,
        field=request.field,
        leader_field=request.leader_field,
        time_pattern=context.config.signing.time_pattern,
        fonts=context.fonts,
        check_signatures=lambda: context.verify(request.document, request.password),
        seal=_configured_seal(request, context),
        template=template,
        reason=request.reason,
        location=request.location,
    )
    placement = context.registry.placement_policy(name).place(letter, intent)
    told: list[Notice] = []
    for check in context.registry.contributions("preflight_checks"):
        for finding in context.registry.load("preflight_checks", check).check(letter, intent, placement):
            if finding.refuse:
                raise SigningRefused(finding.code, **finding.parameters)
            told.append(Notice(finding.code, finding.parameters))
    return dataclasses.replace(placement, notices=(*placement.notices, *told)) if told else placement


def draw(placement: Placement, context: SigningContext) -> Appearance | None:
    """Draw the placement's stamp; nothing for an invisible signature.

    :raises SigningRefused: the stamp cannot be drawn: a missing glyph, too long a text, an unusable picture.
    """
    return None if placement.stamp is None else _drawn(placement.stamp, context)


def draw_fills(placement: Placement, context: SigningContext) -> tuple[FilledField, ...]:
    """Draw what the filled text fields show.

    :raises SigningRefused: as :func:`draw`.
    """
    if not placement.fills:
        return ()
    from kyso.update.plan import FilledField

    return tuple(FilledField(fill.field, fill.value, _drawn(fill.stamp, context)) for fill in placement.fills)


def _drawn(stamp: StampSpec, context: SigningContext) -> Appearance:
    from kyso_stamps import StampError
    from kyso_stamps.draw import draw as draw_stamp

    try:
        return draw_stamp(stamp, context.fonts)
    except StampError as error:
        raise SigningRefused(error.code, **error.parameters) from error


def check_wishes(request: SignRequest, context: SigningContext) -> None:
    """Refuse an unknown policy, a wrong setting or template, and words that no font can draw, before a password.

    :raises WrongUse: the policy, a setting or the template is wrong.
    :raises SigningRefused: naming the missing characters.
    """
    name = policy_name(request, context)
    _wishes(name, request, context)
    words = tuple(value for value in (*request.settings.values(), context.config.organisation.name or "") if value)
    if not words or name == INVISIBLE:
        return
    from kyso_stamps import StampError
    from kyso_stamps.text import check_glyphs

    try:
        check_glyphs(words, context.fonts)
    except StampError as error:
        raise SigningRefused(error.code, **error.parameters) from error


def configured_image(
    policy: str, request: SignRequest, context: SigningContext, template: Template | None = None
) -> Path | None:
    """Return the configured picture for the policy's role: the key's own, else the leader's or the seal's.

    :param template: the template that was asked for; one with a place for a picture shows that of the key's role.
    """
    key = context.config.keys.get(request.key)
    role: str | None = policy.rpartition(".")[2]
    if role not in _ROLES and template is not None and template.takes_image:
        role = "seal" if template.true_size else key.role if key is not None else None
    if role not in _ROLES:
        return None
    if key is not None and key.image is not None:
        return key.image
    return context.config.seal.image if role == "seal" else context.config.leader.image


def _configured_seal(request: SignRequest, context: SigningContext) -> SealSection:
    """Return the seal of the configuration, with the picture of the key's own where that is a seal's key."""
    key = context.config.keys.get(request.key)
    if key is None or key.image is None or key.role == "leader":
        return context.config.seal
    return dataclasses.replace(context.config.seal, image=key.image)


def _wishes(policy: str, request: SignRequest, context: SigningContext) -> tuple[dict[str, Any], Template | None]:
    """Return the policy's settings, parsed, and the template that is asked for.

    :raises WrongUse: a setting is unknown, wrong, or without meaning beside another; the template is wrong.
    """
    from kyso.placement.settings import parse_settings
    from kyso.placement.templates import TEMPLATE, check_given, variable_settings, wanted_template

    declared = context.registry.contribution("placement_policies", policy).settings
    given = dict(_given_settings(policy, request, context))
    for setting in declared:
        useless = [name for name in setting.not_with if name in request.settings]
        if useless and setting.name in request.settings:
            raise WrongUse("setting.not_together", setting=setting.name, others=useless)
        if useless:
            # What is configured gives way to what this request asks for.
            given.pop(setting.name, None)
    asked = given.get(TEMPLATE) if any(setting.name == TEMPLATE for setting in declared) else None
    template = wanted_template(asked.strip(), context.config, context.registry) if asked and asked.strip() else None
    if template is not None:
        declared = (*declared, *variable_settings(template, declared))
    known = {setting.name for setting in declared}
    values = parse_settings(
        declared, {name: value for name, value in given.items() if name in known or name in request.settings}
    )
    if template is not None:
        check_given(template, values)
    return values, template


def _given_settings(policy: str, request: SignRequest, context: SigningContext) -> Mapping[str, str]:
    """Join the configured defaults of a role with what the request sets; the request wins."""
    role = policy.rpartition(".")[2]
    given: dict[str, str] = {}
    if role in ("leader", "seal"):
        section = context.config.seal if role == "seal" else context.config.leader
        for name in ("diameter_mm", "width_mm", "height_mm", "max_width_mm", "max_height_mm"):
            value = getattr(section, name, None)
            if value is not None:
                given[name] = str(value)
    key = context.config.keys.get(request.key)
    if key is not None and key.title is not None:
        given["title"] = key.title
    plugin = context.registry.contributions("placement_policies")[policy].plugin.name
    configured = context.config.settings_for(plugin, policy)
    given.update({name: str(value) for name, value in configured.items()})
    return {**given, **request.settings}
