"""The versioned profile of the contract: the one place of every assumption about VGCA Sign Service."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

from kyso.frozen import dataclass

Kind = Literal[
    "version",
    "certificate",
    "letter",
    "letters",
    "message",
    "challenge",
    "check_message",
    "xml",
    "check_xml",
    "check_letter",
]
Outcome = Literal["done", "cancelled", "upload_answer", "wrong_request", "refused", "busy", "failed", "unsupported"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One name under the agent's address.

    :param policy: the placement policy of letters.
    :param roles: the roles of the keys that are offered first.
    :param asked: the policy's settings that the person may fill in.
    """

    name: str
    kind: Kind
    policy: str | None = None
    roles: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a signed letter reaches the upload handler."""

    field: str
    token_header: str
    token_prefix: str
    session_cookie: str
    metadata_as_fields: bool
    suffix: str


@dataclass(frozen=True, slots=True)
class AgentProfile:
    """The whole contract.

    :param status: the numbers of the answers.
    :param date_patterns: strftime patterns in which IssuedDate is read, besides ISO 8601.
    """

    version: str
    port: int
    contract_version: str
    status: Mapping[Outcome, int]
    delivery: Delivery
    certificate_time_pattern: str
    date_patterns: tuple[str, ...]
    operations: Mapping[str, Operation]


@cache
def agent_profile() -> AgentProfile:
    """Return the packaged profile."""
    table = tomllib.loads(resources.files("kyso_desk.agent").joinpath("profile.toml").read_text(encoding="utf-8"))
    operations = {
        name: Operation(
            name, entry["kind"], entry.get("policy"), tuple(entry.get("roles", ())), tuple(entry.get("asked", ()))
        )
        for name, entry in table["operations"].items()
    }
    return AgentProfile(
        version=table["version"],
        port=table["port"],
        contract_version=table["contract_version"],
        status=table["status"],
        delivery=Delivery(**table["delivery"]),
        certificate_time_pattern=table["certificate"]["time_pattern"],
        date_patterns=tuple(table["dates"]["patterns"]),
        operations=operations,
    )
