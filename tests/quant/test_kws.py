"""The quantized keyword spotter: against the float one, ONNX Runtime, and its own file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.quant.kws import DATA, ONNX, TFLITE, float_graph, quantized, samples
from tests.shared_data import shared_path
from tinycc_ml.compiler import compile_model, generate
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.exporters import export_onnx
from tinycc_ml.graph import Graph
from tinycc_ml.importers.onnx.importer import import_onnx_bytes
from tinycc_ml.ops import evaluate, integerize
from tinycc_ml.quant import Calibration, QuantizeOptions, from_arrays, quantize_graph
from tinycc_ml.quant.batch import BatchRunner
from tinycc_ml.targets import load_board

onnxruntime = pytest.importorskip("onnxruntime")


def agreement(graph: Graph, count: int) -> int:
    """Samples for which both networks name the same class."""
    x = samples()[1][:count]
    expected, found = (
        BatchRunner(g).outputs((x,))[0].reshape(count, -1).argmax(1) for g in (float_graph(), graph)
    )
    return int((expected == found).sum())


def test_it_agrees_with_the_float_model() -> None:
    assert agreement(quantized(), 100) >= 98


def test_weights_of_4_bits() -> None:
    graph = quantized(weight_bits=4, compensate=True)
    assert agreement(graph, 100) >= 90
    packed = sum(t.size_bytes for t in graph.types.values() if t.dtype is DType.INT4)
    assert packed == 11_008


@pytest.mark.slow
def test_figures_of_the_given_split() -> None:
    assert agreement(quantized(100), 900) >= 893


@pytest.mark.parametrize(("interface", "bits"), [("float32", 4), ("float32", 8), ("int8", 8)])
def test_our_importer_takes_the_file_back(interface: str, bits: int) -> None:
    graph = quantized(interface=interface, rounding="nearest", equalize=False, weight_bits=bits)
    again = import_onnx_bytes(export_onnx(graph), "again.onnx")
    x = samples()[1][:20]
    if interface == "int8":
        quant = graph.types[graph.inputs[0]].quant
        assert quant is not None
        x = np.clip(np.rint(x / np.float32(quant.scale)) + quant.zero_point, -128, 127)
        x = x.astype(np.int8)
    for values in x:
        expected = evaluate(integerize(graph), [values])[graph.outputs[0]]
        found = evaluate(integerize(again), [values])[again.outputs[0]]
        assert np.array_equal(found, expected)


def test_onnx_runtime_takes_the_file() -> None:
    graph, x = quantized(), samples()[1][:60]
    options = onnxruntime.SessionOptions()
    # Its own integer kernels differ from the file's floats by more, on some processors by far.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(export_onnx(graph), options)
    name = session.get_inputs()[0].name
    expected = np.stack([session.run(None, {name: values})[0] for values in x])
    (found,) = BatchRunner(graph).outputs((x,))
    assert (found.argmax(-1) == expected.argmax(-1)).sum() >= 59
    assert np.abs(found - expected).max() < 0.25


def test_batches_are_what_the_references_say() -> None:
    graph, x = quantized(), samples()[1][:5]
    results = dict(BatchRunner(graph).values((x,)))
    for i, values in enumerate(x):
        expected = evaluate(integerize(graph), [values])
        for name, batch in results.items():
            assert np.array_equal(batch[i], expected[name]), name


def test_float_batches_are_what_the_references_say() -> None:
    graph, x = float_graph(TFLITE), samples()[1][:3]
    results = dict(BatchRunner(graph).values((x,)))
    for i, values in enumerate(x):
        expected = evaluate(integerize(graph), [values])
        for name, batch in results.items():
            limit = 1e-5 * np.abs(expected[name]).max()
            assert np.abs(batch[i] - expected[name]).max() <= limit, name


def test_the_same_data_give_the_same_file() -> None:
    first = export_onnx(quantized())
    quantized.cache_clear()
    assert export_onnx(quantized()) == first


def test_the_compiler_quantizes() -> None:
    calibration = Calibration(shared_path(DATA), QuantizeOptions(interface="int8"), most=12)
    model = shared_path(ONNX)
    compilation = compile_model(model, load_board("host"), calibration=calibration)
    assert {str(t.dtype) for t in compilation.manifest.inputs} == {"int8"}
    assert any(Path(name).suffix == ".c" for name in generate(compilation))
    assert all(
        t.dtype.is_integer for n in compilation.integers.layers for _, t in n.workload.inputs
    )


def test_a_quantized_model_is_not_quantized_again() -> None:
    graph = quantized()
    given = from_arrays([samples()[0][:8]], [graph.types[graph.inputs[0]]], "calibration")
    with pytest.raises(UnsupportedError, match="quantized already"):
        quantize_graph(replace(graph), given, QuantizeOptions())
