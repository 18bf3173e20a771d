"""The MLPerf Tiny models and what TensorFlow Lite Micro computes with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation, compile_model
from tinycc_ml.targets import load_board
from tinycc_ml.transforms import kept_channels

#: The INT8 models and the best possible arena of each, layer by layer.
ARENA_BYTES = {
    "ad01_int8": 768,
    "kws_ref_model": 16_000,
    "pretrainedResnet_quant": 49_152,
    "vww_96_int8": 55_296,
    "str_ww_ref_model": 6_656,
}
MODELS = tuple(ARENA_BYTES)


@dataclass(frozen=True)
class Golden:
    """Attributes:
    inputs: Eight inputs.
    outputs: What TensorFlow Lite Micro computes for each.
    traced: The number of the input for which there are intermediate tensors.
    tensors: Their values, by the names that our graph has for them.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    traced: int
    tensors: dict[str, np.ndarray]


@cache
def golden(model: str) -> Golden:
    with np.load(shared_path(f"data/golden/{model}.tflite.npz")) as data:
        meta = json.loads(bytes(data["meta"]))
        tensors = {
            name.removesuffix("_tflm"): data[name]
            for name in data.files
            if name.startswith("t") and name.endswith("_tflm")
        }
        inputs, outputs = data["input0"], data["output0_tflm"]
    # Of some tensors the compiler keeps only a part of the channels.
    compilation = compiled(model)
    for name, channels in kept_channels(compilation.imported, compilation.graph).items():
        tensors[name] = tensors[name][..., channels]
    return Golden(inputs, outputs, int(meta["intermediates_for"]), tensors)


@cache
def compiled(model: str, board: str = "host") -> Compilation:
    return compile_model(shared_path(f"data/models/{model}.tflite"), load_board(board))
