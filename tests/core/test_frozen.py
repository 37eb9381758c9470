"""The quick dataclass behaves as the standard one, and leaves to it what it does not do."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import dataclass as standard
from dataclasses import field
from typing import ClassVar, Generic, TypeVar

import pytest

from kyso.frozen import dataclass as quick

T = TypeVar("T")


@quick(frozen=True, slots=True)
class Quick:
    """A point."""

    x: float
    y: float = 0.0
    marks: tuple[str, ...] = ()
    more: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """The sum."""
        return self.x + self.y


@standard(frozen=True, slots=True)
class Standard:
    """A point."""

    x: float
    y: float = 0.0
    marks: tuple[str, ...] = ()
    more: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """The sum."""
        return self.x + self.y


@quick(frozen=True, slots=True)
class Box(Generic[T]):
    """Holds one thing."""

    thing: T


BOTH = pytest.mark.parametrize("kind", [Quick, Standard])


def test_it_is_the_quick_one() -> None:
    """The class under test was not handed to the standard decorator."""
    assert Quick.__eq__ is Box.__eq__
    assert Standard.__eq__ is not Quick.__eq__


@BOTH
def test_values_are_made_and_shown_alike(kind: type) -> None:
    """Positional, named and default values, a fresh default each time, and the same repr."""
    made = kind(1.0, marks=("a",))
    assert (made.x, made.y, made.marks, made.more, made.total) == (1.0, 0.0, ("a",), {}, 1.0)
    assert repr(made) == f"{kind.__name__}(x=1.0, y=0.0, marks=('a',), more={{}})"
    assert kind(1.0).more is not kind(1.0).more
    for wrong in ((), (1, 2, 3, 4, 5)):
        with pytest.raises(TypeError):
            kind(*wrong)


@BOTH
def test_values_are_frozen(kind: type) -> None:
    """Nothing can be set or deleted, and there is no dictionary to write to."""
    made = kind(1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.x = 2.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        del made.x
    with pytest.raises((AttributeError, TypeError)):  # TypeError is the standard one's, by an old mistake of Python
        made.z = 2.0
    assert not hasattr(made, "__dict__")


@BOTH
def test_values_compare_and_hash(kind: type) -> None:
    """Equal by value within one class, unequal across classes, hashable where the fields are."""
    assert kind(1.0) == kind(1.0) != kind(2.0)
    assert Quick(1.0) != Standard(1.0)
    assert kind(1.0) != 1.0
    with pytest.raises(TypeError):
        hash(kind(1.0))
    assert hash(Box(1)) == hash(Box(1))
    assert {Box("a"), Box("a"), Box("b")} == {Box("a"), Box("b")}


@BOTH
def test_the_dataclasses_module_knows_them(kind: type) -> None:
    """fields, replace, asdict, is_dataclass, pattern matching and signatures work."""
    made = kind(1.0, more={"a": 1})
    assert dataclasses.is_dataclass(made)
    assert [(each.name, each.type) for each in dataclasses.fields(kind)] == [
        (each.name, each.type) for each in dataclasses.fields(Standard)
    ]
    assert dataclasses.replace(made, y=3.0) == kind(1.0, 3.0, more={"a": 1})
    assert dataclasses.asdict(made) == {"x": 1.0, "y": 3.0 - 3.0, "marks": (), "more": {"a": 1}}
    match made:
        case Quick(x, y) | Standard(x, y):
            assert (x, y) == (1.0, 0.0)
    assert list(inspect.signature(kind).parameters) == ["x", "y", "marks", "more"]
    assert kind.__doc__ == "A point."


@BOTH
def test_values_travel(kind: type) -> None:
    """Pickling and copying give an equal value."""
    made = kind(1.0, more={"a": 1})
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(made, protocol)) == made
    assert copy.copy(made) == made
    assert copy.deepcopy(made) == made
    assert copy.deepcopy(made).more is not made.more


def test_generic_classes_keep_their_parameters() -> None:
    """A generic dataclass can be subscripted."""
    assert Box[int].__origin__ is Box  # type: ignore[attr-defined]
    assert Box("x").thing == "x"


def test_everything_else_is_the_standard_decorators() -> None:
    """Other options, bases, class variables, __post_init__ and special fields come out right."""

    @quick
    class Plain:
        x: int

    @quick(frozen=True)
    class WithDict:
        x: int

    @quick(frozen=True, slots=True)
    class Derived(Quick):
        z: int = 1

    @quick(frozen=True, slots=True)
    class Checked:
        x: int
        limit: ClassVar[int] = 3

        def __post_init__(self) -> None:
            if self.x > self.limit:
                raise ValueError("too much")

    @quick(frozen=True, slots=True)
    class Hidden:
        x: int = field(repr=False)

    plain = Plain(1)
    plain.x = 2
    assert plain.x == 2
    assert WithDict(1).__dict__ == {"x": 1}
    assert Derived(1.0, z=5).z == 5
    assert Derived(1.0).total == 1.0
    with pytest.raises(ValueError, match="too much"):
        Checked(4)
    assert "1" not in repr(Hidden(1)).partition("Hidden(")[2]


def test_mistakes_are_told_as_the_standard_decorator_does() -> None:
    """A field without a default after one with, and a mutable default, are refused."""
    with pytest.raises(TypeError, match="non-default argument"):

        @quick(frozen=True, slots=True)
        class Wrong:
            x: int = 1
            y: int

    with pytest.raises(ValueError, match="mutable default"):

        @quick(frozen=True, slots=True)
        class Mutable:
            x: list[int] = []  # noqa: RUF012 - the mistake under test
