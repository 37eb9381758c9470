"""What this plugin contributes. It imports only `kyso.plugin`; `load` functions import the rest when needed."""

from __future__ import annotations

from collections.abc import Callable

from kyso.plugin import Contribution, KeySource, PlacementPolicy, Setting, TableSet, Text, hookimpl


def _keys() -> KeySource:
    from kyso_example.keys import MemoryKeySource

    return MemoryKeySource()


def _corner() -> PlacementPolicy:
    from kyso_example.corner import Corner

    return Corner()


def _tables() -> TableSet:
    return TableSet("example", "kyso_example:migrations")


@hookimpl
def register_catalogues(register: Callable[[str], None]) -> None:
    """Name the package with the texts."""
    register("kyso_example")


@hookimpl
def register_key_sources(register: Callable[[Contribution[KeySource]], None]) -> None:
    """Contribute the ``memory:`` scheme."""
    register(Contribution("memory", Text("Khóa thử trong bộ nhớ", "Throwaway key in memory"), load=_keys))


@hookimpl
def register_placement_policies(register: Callable[[Contribution[PlacementPolicy]], None]) -> None:
    """Contribute ``example.corner``, with one setting."""
    margin = Setting("margin_mm", "mm", Text("Khoảng cách tới mép trang", "Distance to the page's edges"), default="10")
    register(
        Contribution(
            "example.corner",
            Text("Góc dưới bên phải trang cuối", "Bottom right corner of the last page"),
            load=_corner,
            settings=(margin,),
        )
    )


@hookimpl
def register_tables(register: Callable[[Contribution[TableSet]], None]) -> None:
    """Contribute a table of its own to the records."""
    register(Contribution("example", Text("Bảng mẫu", "Example table"), load=_tables))
