"""The graph IR: nodes, constants, and the graph that holds them.

Everything is frozen and compared by structure, so that a test of a pass can be
``assert pass_(before) == after``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from tinycc_ml.dtypes import DType, from_numpy
from tinycc_ml.graph.types import TensorType
from tinycc_ml.numerics import pack_int4

Array = npt.NDArray[Any]


class Constant:
    """An immutable array with structural equality."""

    __slots__ = ("_hash", "array")

    def __init__(self, array: npt.ArrayLike) -> None:
        # The copy is little-endian and C-ordered, so that equal values have equal bytes.
        owned = np.array(array, copy=True, order="C")
        owned = owned.astype(owned.dtype.newbyteorder("<"), copy=False)
        if owned.dtype.isnative:
            # Memory views refuse types whose byte order is spelt out.
            owned = owned.view(owned.dtype.newbyteorder("="))
        owned.setflags(write=False)
        self.array: Array = owned
        self._hash: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 over dtype, shape and bytes, in hexadecimal."""
        if not self._hash:
            head = f"{self.array.dtype.str}{self.array.shape}".encode()
            self._hash = hashlib.sha256(head + self.array.tobytes()).hexdigest()
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Constant):
            return NotImplemented
        return (
            self.array.dtype == other.array.dtype
            and self.array.shape == other.array.shape
            and self.array.tobytes() == other.array.tobytes()
        )

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Constant({self.array.dtype}{list(self.array.shape)} #{self.digest[:8]})"

    @property
    def type(self) -> TensorType:
        """What a layer takes it for."""
        return TensorType(self.array.shape, from_numpy(self.array.dtype))


class PackedConstant(Constant):
    """The bytes of an ``int4`` tensor, as they lie in flash; its array is flat, of uint8."""

    __slots__ = ("shape",)

    def __init__(self, array: npt.ArrayLike) -> None:
        """Packs integers -8 ... 7.

        Raises:
            ValueError: If one does not fit.
        """
        logical = np.asarray(array)
        super().__init__(pack_int4(logical))
        self.shape = logical.shape

    @property
    def type(self) -> TensorType:
        """What a layer takes it for."""
        return TensorType(self.shape, DType.INT4)


@dataclass(frozen=True, slots=True)
class OpAttrs:
    """Base of the operators' attribute classes; an operator without attributes uses it as it is."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The place in the model file that a node comes from.

    Attributes:
        file: Name of the model file, without its folder.
        index: The file's own number of the node.
        name: The file's own name of the node (for TFLite, of its first output).
    """

    file: str
    index: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.file}#{self.index})"


@dataclass(frozen=True, slots=True)
class Node:
    """One operator applied to values; `op` names an operator of :mod:`tinycc_ml.ops`."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: OpAttrs = field(default_factory=OpAttrs)
    origin: Origin = field(default_factory=lambda: Origin("", 0, ""))


@dataclass(frozen=True, slots=True)
class State:
    """Something that outlives an inference.

    Attributes:
        value: What it is when an inference begins.
        next: What it is when the inference ends, and so `value` in the next one; of the same type.
        initial: What `value` is after a reset.
    """

    value: str
    next: str
    initial: Constant


@dataclass(frozen=True, slots=True)
class Graph:
    """A network: nodes in a valid execution order over named values.

    Attributes:
        name: A C identifier in lower case; the prefix of generated names.
        nodes: Topologically ordered.
        types: The type of every value, constants included.
        constants: The values known at compile time.
        inputs: The model's inputs, in its order.
        outputs: The model's outputs, in its order.
        states: What outlives an inference.
    """

    name: str
    nodes: tuple[Node, ...]
    types: Mapping[str, TensorType]
    constants: Mapping[str, Constant]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    states: tuple[State, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "types", MappingProxyType(dict(self.types)))
        object.__setattr__(self, "constants", MappingProxyType(dict(self.constants)))

    def with_nodes(self, nodes: tuple[Node, ...]) -> Graph:
        """The same graph with other nodes."""
        return replace(self, nodes=nodes)

    @property
    def results(self) -> tuple[str, ...]:
        """What the graph is computed for: its outputs, and what its states become."""
        return (*self.outputs, *(state.next for state in self.states))

    def consumers(self) -> dict[str, tuple[Node, ...]]:
        """For each value the nodes that read it, in order."""
        readers: dict[str, list[Node]] = {name: [] for name in self.types}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                readers[name].append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}
