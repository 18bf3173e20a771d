"""What can be compiled, and where it is fast: operators, element types, cores."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.select import candidates
from tinycc_ml.ops import OpDef, all_ops, op
from tinycc_ml.targets import CORES, core_features


@dataclass(frozen=True, slots=True)
class CoreGroup:
    """Cores for which the same kernels are there.

    Attributes:
        cores: Their names.
        features: What kernels may require of any of them.
    """

    cores: tuple[str, ...]
    features: frozenset[str]


@dataclass(frozen=True, slots=True)
class Support:
    """An operator on one element type.

    Attributes:
        definition: The operator.
        dtype: The element type of its first input.
        kernels: For each group of cores the kernels made for such cores; empty where there is the
            operator's portable loop nest only.
    """

    definition: OpDef
    dtype: str
    kernels: tuple[tuple[str, ...], ...]


def core_groups() -> tuple[CoreGroup, ...]:
    """All cores, those together that take the same kernels; with floating-point units if any."""
    every = {definition.name: definition.dtypes for definition in all_ops()}
    groups: dict[object, CoreGroup] = {}
    for name in CORES:
        features = core_features(name, has_fpu=True)
        taken = tuple(_own(n, d, features) for n, dtypes in every.items() for d in dtypes)
        known = groups.get(taken, CoreGroup((), features))
        groups[taken] = CoreGroup((*known.cores, name), known.features & features)
    return tuple(groups.values())


def support_table(groups: tuple[CoreGroup, ...]) -> tuple[Support, ...]:
    """Every operator on every element type that it takes, sorted by name."""
    return tuple(
        Support(
            definition,
            dtype,
            tuple(_own(definition.name, dtype, group.features) for group in groups),
        )
        for definition in all_ops()
        for dtype in definition.dtypes
    )


def _own(op_name: str, dtype: str, features: frozenset[str]) -> tuple[str, ...]:
    """Names of the kernels for a core, without the portable one, which is the last."""
    if op(op_name).is_view:
        return ()
    kernels = candidates(op_name, features, "auto", DType(dtype))[:-1]
    return tuple(kernel.name for kernel in kernels)
