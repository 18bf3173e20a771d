"""Quantization parameters of all activations, under TensorFlow Lite's constraints."""

from __future__ import annotations

from collections.abc import Mapping

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Graph, QuantParams
from tinycc_ml.quant.observe import Observation
from tinycc_ml.quant.options import QuantizeOptions
from tinycc_ml.quant.ranges import affine, choose_range
from tinycc_ml.quant.rules import FIXED, SAME


def float_values(graph: Graph) -> frozenset[str]:
    """The activations of a float graph: what gets a quantization."""
    return frozenset(
        name
        for name, type_ in graph.types.items()
        if type_.dtype is DType.FLOAT32 and name not in graph.constants
    )


def choose_activations(
    graph: Graph, seen: Mapping[str, Observation], options: QuantizeOptions
) -> dict[str, QuantParams]:
    """The quantization of each float activation.

    What an operator wants quantized alike is: the range is then that of the value that it comes
    from, or that which holds all of them. What comes of an operator with a range of its own keeps
    that.
    """
    groups = _Groups(graph)
    result: dict[str, QuantParams] = {}
    for name in float_values(graph):
        fixed = groups.fixed.get(groups.root(name))
        if fixed is not None:
            result[name] = fixed
            continue
        ranges = [
            choose_range(seen[member], options.method, options.percentile)
            for member in groups.sources(name)
        ]
        result[name] = affine(min(low for low, _ in ranges), max(high for _, high in ranges))
    return result


class _Groups:
    """Values that must be quantized alike."""

    def __init__(self, graph: Graph) -> None:
        self.parent: dict[str, str] = {}
        self.made_alike: set[str] = set()
        self.members: dict[str, list[str]] = {}
        floats = float_values(graph)
        for node in graph.nodes:
            if node.op not in SAME:
                continue
            self.made_alike.update(node.outputs)
            for name in node.inputs:
                if name in floats:
                    self.parent[self.root(name)] = self.root(node.outputs[0])
        #: Of the groups that hold the result of an operator with a range of its own.
        self.fixed = {
            self.root(node.outputs[0]): FIXED[node.op] for node in graph.nodes if node.op in FIXED
        }
        for name in sorted(floats):
            self.members.setdefault(self.root(name), []).append(name)

    def root(self, name: str) -> str:
        while name in self.parent:
            if self.parent[name] == name:
                break
            name = self.parent[name]
        return name

    def sources(self, name: str) -> list[str]:
        """The values that decide about the range of a value's group."""
        members = self.members[self.root(name)]
        return [m for m in members if m not in self.made_alike] or members
