"""Who signs at the desk: each role is a placement policy with what its form shows and the keys that suit it.

A role is offered where its policy is installed. Policies are named, not imported: a plugin knows no other plugin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.contracts import Setting
    from kyso.plugins import PluginRegistry


@dataclass(frozen=True, slots=True)
class Role:
    """One line of the desk's choice "who signs".

    :param name: for the page's words and requests.
    :param policy: the placement policy.
    :param key_roles: roles of configured keys that suit, the best first.
    :param asked: settings that the form always shows; the policy's others are folded away.
    :param resizable: whether the size is a matter of taste; a seal keeps its true size, text the size of its letters.
    :param placed_by_hand: whether the person must say where, because the policy looks for no place.
    """

    name: str
    policy: str
    key_roles: tuple[str, ...]
    asked: tuple[str, ...] = ()
    resizable: bool = True
    placed_by_hand: bool = False


ROLES = (
    Role("leader", "decree30.leader", ("leader", "person")),
    Role("seal", "decree30.seal", ("seal", "organisation"), ("number", "date"), resizable=False),
    Role("number", "decree30.number", ("seal", "organisation"), ("number", "date")),
    Role("initial", "decree30.initial", ("person", "leader"), ("beside",)),
    Role("attachment", "decree30.attachment", ("seal", "organisation"), ("number",), resizable=False),
    Role("copy", "decree30.copy", ("seal", "organisation"), ("copy_form",), resizable=False),
    Role("kbnn", "kbnn.attachment", ("accountant", "holder"), ("budget_code", "content", "signers"), resizable=False),
    Role("free", "fixed", ("leader", "seal", "person"), placed_by_hand=True),
)


def role_named(name: str) -> Role | None:
    """Return the role of that name."""
    return next((role for role in ROLES if role.name == name), None)


def role_tables(registry: PluginRegistry) -> list[dict[str, Any]]:
    """Return the roles whose policies are installed, with their settings in both languages, for the page."""
    policies = registry.contributions("placement_policies")
    return [
        {
            "name": role.name,
            "policy": role.policy,
            "key_roles": role.key_roles,
            "resizable": role.resizable,
            "placed_by_hand": role.placed_by_hand,
            "summary": _both(policies[role.policy].contribution.summary),
            "settings": [_setting(each, role) for each in policies[role.policy].contribution.settings],
        }
        for role in ROLES
        if role.policy in policies
    ]


def key_tables(config: Config) -> list[dict[str, Any]]:
    """Return the configured keys for the page: names and kinds, never their addresses."""
    return [
        {"name": name, "role": key.role, "title": key.title or "", "kind": _kind(key.uri)}
        for name, key in config.keys.items()
    ]


def _kind(uri: str) -> str:
    scheme = uri.partition(":")[0]
    return {"pfx": "file", "pkcs11": "token"}.get(scheme, "remote")


def _setting(setting: Setting, role: Role) -> dict[str, Any]:
    return {
        "name": setting.name,
        "kind": setting.kind,
        "summary": _both(setting.summary),
        "default": setting.default,
        "choices": setting.choices,
        "required": setting.required,
        "asked": setting.name in role.asked,
    }


def _both(summary: Any) -> dict[str, str]:
    return {"vi": summary.vi, "en": summary.en}
