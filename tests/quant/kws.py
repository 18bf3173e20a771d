"""The keyword spotter and its data, as the tests use them."""

from __future__ import annotations

from functools import cache

import numpy as np

from tests.shared_data import shared_path
from tinycc_ml.graph import Array, Graph, run_passes
from tinycc_ml.importers import import_model
from tinycc_ml.quant import QuantizeOptions, from_arrays, quantize_graph
from tinycc_ml.quant.prepare import prepare
from tinycc_ml.transforms import SIMPLIFY

ONNX, TFLITE = (f"data/models/kws_savedmodel_float.{suffix}" for suffix in ("onnx", "tflite"))
DATA = "data/kws01/kws01.npz"


@cache
def float_graph(model: str = ONNX) -> Graph:
    graph, _ = run_passes(import_model(shared_path(model)), SIMPLIFY)
    return graph


@cache
def samples() -> tuple[Array, Array]:
    """Calibration and evaluation samples of the given split, as real numbers."""
    with np.load(shared_path(DATA)) as data:
        steps = data["inputs"].astype(np.float32) - np.float32(data["input_zero_point"])
        real = (steps * data["input_scale"]).astype(np.float32)[:, None]
        return real[data["calibration"].astype(int)], real[data["evaluation"].astype(int)]


@cache
def quantized(count: int = 24, model: str = ONNX, **options: object) -> Graph:
    """The model quantized with a few samples."""
    graph = float_graph(model)
    given = from_arrays([samples()[0][:count]], [graph.types[graph.inputs[0]]], "calibration")
    return quantize_graph(graph, given, QuantizeOptions(**options)).graph  # type: ignore[arg-type]


def prepared(model: str = ONNX) -> Graph:
    return prepare(float_graph(model))
