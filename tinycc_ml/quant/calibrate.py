"""Step 4 of the compiler: a float graph and a data file to an integer graph."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tinycc_ml.graph import Graph
from tinycc_ml.quant.observe import Progress, no_progress
from tinycc_ml.quant.options import QuantizeOptions
from tinycc_ml.quant.quantizer import Quantized, check_quantizable, quantize_graph
from tinycc_ml.quant.samples import MOST, open_samples


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a model is quantized with.

    Attributes:
        path: The samples: .npz, .npy, or a folder of these.
        options: Choices about quantization.
        most: How many samples are used; which, where there are more, is the seed's choice.
    """

    path: Path
    options: QuantizeOptions = field(default_factory=QuantizeOptions)
    most: int = MOST


def calibrate(
    graph: Graph, calibration: Calibration, progress: Progress = no_progress
) -> Quantized:
    """Quantizes a simplified float graph.

    Raises:
        DataError: If the samples do not fit the model, or are no use.
        UnsupportedError: If the model is no float model, or holds what has no int8 form.
    """
    check_quantizable(graph)
    types = [graph.types[name] for name in graph.inputs]
    samples = open_samples(
        calibration.path, types, graph.inputs, calibration.options.seed, calibration.most
    )
    return quantize_graph(graph, samples, calibration.options, progress)
