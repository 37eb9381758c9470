"""Every extension point of kyso, on one page.

A plugin is a module registered under the entry point group ``kyso``. It implements any of these functions with
:data:`kyso.plugin.hookimpl`. Contributions are handed to the `register` callback; a plugin's module imports only
:mod:`kyso.plugin`, and each contribution's `load` imports the rest when it is first used::

    from kyso.plugin import Contribution, Text, hookimpl

    @hookimpl
    def register_key_sources(register):
        register(Contribution("pfx", Text("Tệp PFX", "PFX file"), load=_source))

Two contributions of one kind and one name are refused, naming both distributions. Hooks may gain parameters; an
implementation takes the ones it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from kyso.contracts import (
        ConformityCheck,
        Contribution,
        Diagnostic,
        Exporter,
        KeySource,
        LetterReader,
        PlacementPolicy,
        PreflightCheck,
        ReportFormat,
        Simulator,
        TableSet,
    )
    from kyso.models import FailedSignature, PendingSignature, SignedDocument, SignRequest

hookspec = pluggy.HookspecMarker("kyso")
hookimpl = pluggy.HookimplMarker("kyso")


@hookspec
def register_catalogues(register: Callable[[str], None]) -> None:
    """Name the packages that ship ``messages.vi.toml`` and ``messages.en.toml``: ``register("kyso_pfx")``."""


@hookspec
def register_key_sources(register: Callable[[Contribution[KeySource]], None]) -> None:
    """Contribute places where keys live. The contribution's name is the URI scheme: ``pfx``, ``pkcs11``, ``csc``."""


@hookspec
def register_placement_policies(register: Callable[[Contribution[PlacementPolicy]], None]) -> None:
    """Contribute placement policies, named ``family.role``: ``decree30.leader``."""


@hookspec
def register_stamp_templates(register: Callable[[Contribution[Any]], None]) -> None:
    """Contribute stamp templates: what a signature looks like, for policies and for `fixed`."""


@hookspec
def register_preflight_checks(register: Callable[[Contribution[PreflightCheck]], None]) -> None:
    """Contribute checks that look at a letter before it is signed and may refuse with a reason."""


@hookspec
def register_conformity_checks(register: Callable[[Contribution[ConformityCheck]], None]) -> None:
    """Contribute judgements of form on arriving letters; they fill ``conformity[]`` and never touch the verdict."""


@hookspec
def register_letter_readers(register: Callable[[Contribution[LetterReader]], None]) -> None:
    """Contribute readers of what a letter says about itself; the register of incoming letters is filled from them."""


@hookspec
def register_diagnostics(register: Callable[[Contribution[Diagnostic]], None]) -> None:
    """Contribute examinations to `kyso doctor`."""


@hookspec
def register_report_formats(register: Callable[[Contribution[ReportFormat]], None]) -> None:
    """Contribute formats for ``kyso verify --format NAME``."""


@hookspec
def register_exporters(register: Callable[[Contribution[Exporter]], None]) -> None:
    """Contribute exports to other systems, such as the KBNN envelope."""


@hookspec
def register_simulators(register: Callable[[Contribution[Simulator]], None]) -> None:
    """Contribute simulators of remote services for ``kyso simulate NAME``."""


@hookspec
def register_commands(register: Callable[[Contribution[Any]], None]) -> None:
    """Contribute command groups: `load` returns a ``typer.Typer`` mounted as ``kyso NAME``."""


@hookspec
def register_routes(register: Callable[[Contribution[Any]], None]) -> None:
    """Contribute routes to `kyso serve`: `load` returns an ``APIRouter``."""


@hookspec
def register_tables(register: Callable[[Contribution[TableSet]], None]) -> None:
    """Contribute tables to the records, with a migration branch of their own."""


@hookspec(firstresult=True)
def sign_document(request: SignRequest) -> SignedDocument | PendingSignature | None:
    """Wrap the signing of one letter (audit, timing): implement with ``hookimpl(wrapper=True)``.

    The engine's own implementation does the work; a wrapper sees the request and the outcome, and must return it. In
    a batch that a person confirms once, the wrapper surrounds the finishing of each letter.
    """
    return None


@hookspec
def record_event(name: str, request: SignRequest, outcome: SignedDocument | PendingSignature | FailedSignature) -> None:
    """Told after each letter: `name` is ``signed``, ``pending`` or ``failed``. Must not raise."""
