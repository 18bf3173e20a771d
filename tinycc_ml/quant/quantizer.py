"""Post-training quantization: a float graph and samples to an integer graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, Graph, Node, QuantParams, verify_graph
from tinycc_ml.numerics import affine_quantize
from tinycc_ml.quant.activations import choose_activations, float_values
from tinycc_ml.quant.batch import BatchRunner, layer_of, run_layer, view_of
from tinycc_ml.quant.convert import IntegerBuilder
from tinycc_ml.quant.equalize import channel_peaks, equalize
from tinycc_ml.quant.linear import WEIGHTED, LinearView
from tinycc_ml.quant.observe import Progress, batches, no_progress, observe
from tinycc_ml.quant.options import QuantizeOptions
from tinycc_ml.quant.prepare import prepare
from tinycc_ml.quant.report import LayerReport, LayerSums
from tinycc_ml.quant.rounding import round_weights, search_scales
from tinycc_ml.quant.samples import Samples
from tinycc_ml.quant.statistics import Moments, MomentSums, compensated


@dataclass(frozen=True, slots=True)
class Quantized:
    """What quantization made.

    Attributes:
        graph: In integers.
        reference: The float graph that it was made of; values have the same names in both.
        layers: What each layer costs; empty where no rounding looked at the samples.
    """

    graph: Graph
    reference: Graph
    layers: tuple[LayerReport, ...] = ()


def check_quantizable(graph: Graph) -> None:
    """Refuses what is no float model.

    Raises:
        UnsupportedError: If it has integers already, or remembers something.
    """
    if graph.states:
        raise UnsupportedError(
            f"{graph.name}: models with state cannot be quantized; allowed others"
        )
    if any(type_.quant is not None for type_ in graph.types.values()):
        raise UnsupportedError(f"{graph.name}: the model is quantized already; compile it as it is")
    if not any(node.op in WEIGHTED for node in graph.nodes) and not float_values(graph):
        raise UnsupportedError(f"{graph.name}: nothing in this model is float32")


def quantize_graph(
    graph: Graph,
    samples: Samples,
    options: QuantizeOptions,
    progress: Progress = no_progress,
) -> Quantized:
    """Quantizes a simplified float graph.

    Args:
        graph: The float network.
        samples: Inputs that are like those it will meet.
        options: What to do.
        progress: Told how far it is.

    Raises:
        DataError: If the network computes no finite numbers from them.
        UnsupportedError: If the network holds what has no int8 form.
    """
    check_quantizable(graph)
    graph = prepare(graph)
    if options.equalize:
        graph = equalize(graph, channel_peaks(graph, samples), options)
    seen = observe(
        graph,
        samples,
        float_values(graph),
        histograms=options.method != "minmax",
        progress=progress,
        total=len(samples),
    )
    quants = choose_activations(graph, seen, options)
    kept = list(batches(samples)) if options.needs_inputs else []
    rounder = _Rounder(graph, quants, options, kept, progress)
    return Quantized(rounder.result(), graph, tuple(rounder.layers))


class _Rounder:
    """Makes the integer graph layer by layer, and runs both networks along.

    What a layer's weights are rounded for is what reaches it in the integer network.
    """

    def __init__(
        self,
        graph: Graph,
        quants: dict[str, QuantParams],
        options: QuantizeOptions,
        samples: list[tuple[Array, ...]],
        progress: Progress,
    ) -> None:
        self.graph, self.quants, self.options, self.progress = graph, quants, options, progress
        self.builder = IntegerBuilder(graph, quants, options.interface)
        self.runner = BatchRunner(graph)
        self.layers: list[LayerReport] = []
        #: Of each batch the activations that are still needed, of both networks.
        self.floats = [dict(zip(graph.inputs, batch, strict=True)) for batch in samples]
        self.integers = [
            {name: self._rounded(name, x) for name, x in batch.items()} for batch in self.floats
        ]

    def _rounded(self, name: str, x: Array) -> Array:
        if name not in self.quants:
            return x
        quant, limits = self.quants[name], (DType.INT8.min, DType.INT8.max)
        return affine_quantize(x, quant.scale, quant.zero_point, limits).astype(np.int8)

    def _real(self, name: str, x: Array) -> Array:
        quant = self.quants[name]
        return (x.astype(np.float32) - np.float32(quant.zero_point)) * np.float32(quant.scale)

    def result(self) -> Graph:
        last_reader = {n: i for i, node in enumerate(self.graph.nodes) for n in node.inputs}
        for index, node in enumerate(self.graph.nodes):
            if node.op in WEIGHTED:
                self._weighted(node)
            else:
                self.builder.other(node)
            self._run(node)
            dead = [name for name in node.inputs if last_reader[name] == index]
            for values in (*self.floats, *self.integers):
                for name in dead:
                    values.pop(name, None)
            self.progress("layers", index + 1, len(self.graph.nodes))
        return verify_graph(self.builder.result())

    def _run(self, node: Node) -> None:
        part, made = self.builder.partial(), self.builder.nodes[-1]
        layer = layer_of(part, made) if self.floats else None
        for floats, integers in zip(self.floats, self.integers, strict=True):
            assert layer
            results = run_layer(part, made, layer, integers)
            integers.update(zip(made.outputs, results, strict=True))
            floats.update(zip(node.outputs, self.runner.node(node, floats), strict=True))
        self._report(node)

    def _report(self, node: Node) -> None:
        name = node.outputs[0]
        if not self.floats or name not in self.quants:
            return
        sums = LayerSums(self.quants[name])
        for floats, integers in zip(self.floats, self.integers, strict=True):
            sums.add(floats[name], self._real(name, integers[name]))
        self.layers.append(sums.report(node.name, node.op))

    def _weighted(self, node: Node) -> None:
        options, view = self.options, view_of(self.graph, node)
        weight, bias = (
            self.graph.constants[name].array.astype(np.float64) for name in node.inputs[1:3]
        )
        matrices = view.matrices(weight)
        known = self._moments(view) if options.needs_inputs else None
        wanted, covariance = matrices, None
        if known is not None and options.compensate:
            wanted = compensated(matrices, known, options.damping)
        if known is not None and options.rounding != "nearest":
            covariance = known.covariance
        bits = options.weight_bits
        scales = search_scales(wanted, bits, covariance, options.candidates)
        integers = round_weights(wanted, scales, bits, covariance, options.rounding)
        if known is not None and options.correct_bias:
            real = integers * scales[..., None].astype(np.float64)
            bias = bias + view.channels(_mean(matrices, known.float_mean) - _mean(real, known.mean))
        dtype = DType.INT4 if bits == DType.INT4.bits else DType.INT8
        self.builder.weighted(node, view.weight(integers), view.channels(scales), bias, dtype)

    def _moments(self, view: LinearView) -> Moments:
        name, sums = view.node.inputs[0], MomentSums()
        for floats, integers in zip(self.floats, self.integers, strict=True):
            real = self._real(name, integers[name])
            sums.add(*(view.rows(x.reshape(-1, *x.shape[2:])) for x in (floats[name], real)))
        return sums.moments()


def _mean(matrices: Array, rows: Array) -> Array:
    """The mean output of each filter, (groups, filters), for mean inputs (groups, K)."""
    result: Array = np.einsum("gmk,gk->gm", matrices, rows)
    return result
