"""``dataclass``, made quickly: for ``@dataclass(frozen=True, slots=True)`` the same class in a third of the time.

The standard decorator compiles six methods for each class, about 1 ms; a cold verification defines 110 classes and
spent a quarter of its time there. Here only ``__init__`` is compiled, the other methods are shared by all classes.
Whatever else is asked for (other options, a base that is a dataclass, ``InitVar``, ``__post_init__``, fields with
options beside a default) goes to the standard decorator. To type checkers this is the standard decorator::

    from kyso.frozen import dataclass

    @dataclass(frozen=True, slots=True)
    class Point:
        x_mm: float
        y_mm: float = 0.0

`dataclasses.fields`, `replace`, `asdict`, `is_dataclass`, pickling, comparison and hashing work as they do there.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls: Any = None, /, **options: Any) -> Any:
        """Make `cls` a dataclass; see the module."""
        if cls is None:
            return lambda decorated: dataclass(decorated, **options)
        fields = _plain_fields(cls) if options == {"frozen": True, "slots": True} else None
        if fields is None:
            return dataclasses.dataclass(**options)(cls)
        return _made(cls, fields)


__all__ = ["dataclass"]


@dataclasses.dataclass(frozen=True)
class _Model:
    """What the standard decorator notes about a frozen class, for those who derive from one of ours."""


_MISSING = dataclasses.MISSING
# The mark of an ordinary field, which `dataclasses.fields` looks for; without it the standard decorator does it all.
_ORDINARY: Any = getattr(dataclasses, "_FIELD", None)
_SPECIAL = ("ClassVar", "InitVar", "KW_ONLY")
_PROVIDED = frozenset(
    ("__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__getstate__", "__setstate__")
)


def _plain_fields(cls: Any) -> dict[str, Any] | None:
    """Return the fields of `cls`, or ``None`` where it needs the standard decorator."""
    own = cls.__dict__
    if _ORDINARY is None or "__annotations__" not in own:
        return None
    if "__post_init__" in own or "__slots__" in own or _PROVIDED & own.keys():
        return None
    if any(hasattr(base, "__dataclass_fields__") for base in cls.__mro__[1:]):
        return None
    fields: dict[str, Any] = {}
    defaults = False
    for name, kind in own["__annotations__"].items():
        if not isinstance(kind, str) or any(word in kind for word in _SPECIAL):
            return None
        default = own.get(name, _MISSING)
        field: Any = default if isinstance(default, dataclasses.Field) else dataclasses.field(default=default)
        if not (field.init and field.repr and field.compare) or field.hash is not None or field.kw_only is True:
            return None
        has_default = field.default is not _MISSING or field.default_factory is not _MISSING
        if (defaults and not has_default) or (field.default is not _MISSING and field.default.__hash__ is None):
            return None  # the standard decorator says what is wrong with it
        defaults = has_default
        field.name, field.type, field.kw_only = name, kind, False
        field._field_type = _ORDINARY
        fields[name] = field
    return fields


def _made(cls: Any, fields: dict[str, Any]) -> Any:
    """Return a class like `cls` with slots for `fields` and the methods of a frozen dataclass."""
    names = tuple(fields)
    members = {name: value for name, value in cls.__dict__.items() if name not in fields}
    members.pop("__dict__", None)
    members.pop("__weakref__", None)
    members.update(
        __slots__=names,
        __match_args__=names,
        __dataclass_fields__=fields,
        __dataclass_params__=getattr(_Model, "__dataclass_params__"),  # noqa: B009 - unknown to type checkers
        __init__=_initialiser(cls, fields),
        __repr__=_repr,
        __eq__=_eq,
        __hash__=_hash,
        __setattr__=_refuse_setting,
        __delattr__=_refuse_deleting,
        __getstate__=_state,
        __setstate__=_restore,
        __replace__=dataclasses.replace,
    )
    made = type(cls)(cls.__name__, cls.__bases__, members)
    made.__qualname__ = cls.__qualname__
    return made


def _initialiser(cls: Any, fields: dict[str, Any]) -> Any:
    names: dict[str, Any] = {"_set": object.__setattr__, "_missing": _MISSING}
    parameters = ["self"]
    lines = []
    for number, (name, field) in enumerate(fields.items()):
        value = name
        if field.default is not _MISSING:
            names[f"_default_{number}"] = field.default
            parameters.append(f"{name}=_default_{number}")
        elif field.default_factory is not _MISSING:
            names[f"_make_{number}"] = field.default_factory
            parameters.append(f"{name}=_missing")
            value = f"_make_{number}() if {name} is _missing else {name}"
        else:
            parameters.append(name)
        lines.append(f" _set(self, {name!r}, {value})")
    source = f"def __init__({', '.join(parameters)}):\n" + ("\n".join(lines) or " pass")
    exec(source, names)  # noqa: S102 - names of fields, as the standard library does it
    initialiser = names["__init__"]
    initialiser.__qualname__ = f"{cls.__qualname__}.__init__"
    initialiser.__module__ = cls.__module__
    initialiser.__annotations__ = {**{name: field.type for name, field in fields.items()}, "return": None}
    return initialiser


def _values(instance: Any) -> tuple[Any, ...]:
    return tuple(getattr(instance, name) for name in instance.__dataclass_fields__)


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__dataclass_fields__)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _refuse_setting(self: Any, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return list(_values(self))


def _restore(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__dataclass_fields__, state, strict=True):
        object.__setattr__(self, name, value)
