"""How well the quantized keyword spotter agrees with the float one, on samples not calibrated with.

Usage: python benchmarks/quantize.py [--weights 8|4] [--splits N]

The first split is the data file's own; the others are 100 samples for calibration, drawn with
PCG64(100), PCG64(101) ..., and the other 900 for evaluation. Both networks run in NumPy, the
quantized one in exactly the integers of the generated C.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from tinycc_ml.graph import Array, Graph, run_passes
from tinycc_ml.importers import import_model
from tinycc_ml.quant import QuantizeOptions, from_arrays, quantize_graph
from tinycc_ml.quant.batch import BatchRunner
from tinycc_ml.quant.quantizer import Quantized
from tinycc_ml.transforms import SIMPLIFY

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
_BATCH = 25


def _run(graph: Graph, x: Array) -> Array:
    runner = BatchRunner(graph)
    parts = [runner.outputs((x[i : i + _BATCH],))[0] for i in range(0, len(x), _BATCH)]
    return np.concatenate(parts).reshape(len(x), -1)


def _logits(quantized: Quantized, x: Array) -> tuple[Array, Array]:
    """What goes into softmax, of the float network and of the quantized one."""
    name = quantized.reference.nodes[-1].inputs[0]
    expected = _run(replace(quantized.reference, outputs=(name,)), x)
    steps = _run(replace(quantized.graph, outputs=(name,)), x).astype(np.float64)
    quant = quantized.graph.types[name].quant
    assert quant is not None
    return expected, (steps - quant.zero_point) * quant.scale


def _report(label: str, graph: Graph, options: QuantizeOptions, x: Array, split: Array) -> int:
    rest = np.setdiff1d(np.arange(len(x)), split)
    start = time.process_time()
    given = from_arrays([x[split]], [graph.types[graph.inputs[0]]], label)
    quantized = quantize_graph(graph, given, options)
    seconds = time.process_time() - start
    expected, found = _run(graph, x[rest]), _run(quantized.graph, x[rest])
    same = int((expected.argmax(1) == found.argmax(1)).sum())
    wanted, made = _logits(quantized, x[rest])
    decibels = 10 * np.log10((wanted**2).sum() / ((wanted - made) ** 2).sum())
    print(
        f"{label}: {same} of {len(rest)} agree, logits {decibels:.1f} dB, {seconds:.1f} s",
        flush=True,
    )
    return same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=int, choices=(8, 4), default=8)
    parser.add_argument("--splits", type=int, default=5)
    arguments = parser.parse_args()
    with np.load(_SHARED / "kws01" / "kws01.npz") as data:
        steps = data["inputs"].astype(np.float32) - np.float32(data["input_zero_point"])
        x = (steps * data["input_scale"]).astype(np.float32)[:, None]
        own = data["calibration"].astype(int)
    graph = import_model(_SHARED / "models" / "kws_savedmodel_float.onnx")
    graph, _ = run_passes(graph, SIMPLIFY)
    options = QuantizeOptions.of_weights(arguments.weights)
    _report("given split", graph, options, x, own)
    found: list[int] = []
    for seed in range(100, 100 + arguments.splits):
        order = np.random.Generator(np.random.PCG64(seed)).permutation(len(x))
        found.append(_report(f"PCG64({seed})", graph, options, x, np.sort(order[:100])))
    if found:
        print(f"mean {np.mean(found):.1f}")


if __name__ == "__main__":
    main()
