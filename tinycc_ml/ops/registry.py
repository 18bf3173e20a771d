"""All operators, by name."""

from __future__ import annotations

from collections.abc import Iterable

from tinycc_ml.ops.base import OpDef

_REGISTRY: dict[str, OpDef] = {}


def register(definition: type[OpDef]) -> type[OpDef]:
    """Class decorator: makes an operator known under its name."""
    _REGISTRY[definition.name] = definition()
    return definition


def register_family(definitions: Iterable[OpDef]) -> None:
    """Makes operators known that are several instances of one class."""
    _REGISTRY.update((definition.name, definition) for definition in definitions)


def op(name: str) -> OpDef:
    """The operator of that name.

    Raises:
        KeyError: If there is none; importers only create registered operators.
    """
    return _REGISTRY[name]


def all_ops() -> tuple[OpDef, ...]:
    """Every operator, sorted by name."""
    return tuple(_REGISTRY[name] for name in sorted(_REGISTRY))
