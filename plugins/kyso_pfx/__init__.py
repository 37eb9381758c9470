"""Keys in a PFX (PKCS#12) file: ``pfx:seal.p12``."""

from __future__ import annotations

from collections.abc import Callable

from kyso.plugin import Contribution, Diagnostic, KeySource, Text, hookimpl


def _source() -> KeySource:
    from kyso_pfx.source import PfxSource

    return PfxSource()


def _diagnostic() -> Diagnostic:
    from kyso_pfx.diagnostic import PfxDiagnostic

    return PfxDiagnostic()


@hookimpl
def register_catalogues(register: Callable[[str], None]) -> None:
    """Name this package's catalogues."""
    register("kyso_pfx")


@hookimpl
def register_key_sources(register: Callable[[Contribution[KeySource]], None]) -> None:
    """Contribute the ``pfx:`` scheme."""
    register(
        Contribution(
            "pfx",
            Text("Khóa trong tệp PFX (PKCS#12)", "Key in a PFX (PKCS#12) file"),
            load=_source,
        )
    )


@hookimpl
def register_diagnostics(register: Callable[[Contribution[Diagnostic]], None]) -> None:
    """Contribute the examination of configured PFX files."""
    register(Contribution("pfx", Text("Tệp khóa PFX", "PFX key files"), load=_diagnostic))
