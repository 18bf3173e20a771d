"""Compares a device with a reference, sample by sample, and explains the first difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.emit import Manifest
from tinycc_ml.graph import Array
from tinycc_ml.ops import LayerGraph
from tinycc_ml.runner.compare import TOLERANCE, Difference, agree, first_difference
from tinycc_ml.runner.crc import crc32
from tinycc_ml.runner.data import Samples
from tinycc_ml.runner.device import Device
from tinycc_ml.runner.inference import infer, start
from tinycc_ml.runner.reference import NumpyReference, Reference


@dataclass(frozen=True, slots=True)
class Validation:
    """The result of a comparison.

    Attributes:
        total: Samples compared.
        identical: Samples whose outputs agree: in every byte, or within the tolerance.
        tolerance: What floats may differ by, relative to the largest magnitude of their tensor;
            ``None`` where all outputs are integers.
        correct: Samples whose largest first output is at the label; ``None`` without labels.
        first_mismatch: The first sample that differs and where; ``None`` when none does.
    """

    total: int
    identical: int
    tolerance: float | None
    correct: int | None
    first_mismatch: tuple[int, Difference] | None


def validate(
    device: Device,
    manifest: Manifest,
    graph: LayerGraph,
    samples: Samples,
    reference: Reference,
    progress: Callable[[int], None],
    *,
    sequence: bool = False,
) -> Validation:
    """Runs every sample on the device and on the reference.

    Each begins with the state after a reset, unless all are one sequence.

    Args:
        device: Runs the model.
        manifest: What the model's tensors are.
        graph: The model in integers, for finding the layer that differs.
        samples: What to run.
        reference: What to compare with.
        progress: Called with the number of samples done, after each.
        sequence: Whether the model remembers earlier samples.
    """
    identical = correct = 0
    mismatch: tuple[int, Difference] | None = None
    for number in range(len(samples)):
        inputs = samples.sample(number)
        if number == 0 or not sequence:
            start(device, manifest)
            reference.reset()
        expected = reference.run(inputs)
        found = infer(device, inputs, manifest.outputs)
        if agree(found, expected):
            identical += 1
        elif mismatch is None:
            earlier = [samples.sample(i) for i in range(number)] if sequence else []
            history = [*earlier, inputs]
            mismatch = (number, explain(device, manifest, graph, history, found, expected))
        if samples.labels is not None:
            correct += int(np.argmax(found[0]) == samples.labels[number])
        progress(number + 1)
    labelled = samples.labels is not None
    is_float = any(DType(tensor.dtype).is_float for tensor in manifest.outputs)
    tolerance = TOLERANCE if is_float else None
    return Validation(len(samples), identical, tolerance, correct if labelled else None, mismatch)


def explain(
    device: Device,
    manifest: Manifest,
    graph: LayerGraph,
    history: Sequence[tuple[Array, ...]],
    found: tuple[Array, ...],
    expected: tuple[Array, ...],
) -> Difference:
    """The first layer, or else output, in which the device differs from the reference.

    Afterwards the device's state is that after the last inputs.

    Args:
        device: Runs the model.
        manifest: What the model's tensors are.
        graph: The model in integers.
        history: The inputs since the last reset; the outputs are those of the last ones.
        found: The device's outputs.
        expected: The reference's outputs.
    """
    *earlier, inputs = history

    def rewind() -> None:
        start(device, manifest)
        for each in earlier:
            infer(device, each, manifest.outputs)
        device.write_inputs([array.tobytes() for array in inputs])

    reference = NumpyReference(graph)
    for each in earlier:
        reference.run(each)
    values = reference.values(inputs)
    rewind()
    device.run(1, trace=True)
    checksums = device.layer_crcs()
    for index, layer in enumerate(manifest.layers):
        value = values[layer.output]
        if checksums[index].crc == crc32(value.tobytes()):
            continue
        data = device.read_layer(index, value.nbytes, rewind=rewind if manifest.states else None)
        array = np.frombuffer(data, value.dtype).reshape(value.shape)
        difference = first_difference(f"{layer.name} ({layer.origin})", array, value)
        if difference is not None:
            return difference
    for tensor, f, e in zip(manifest.outputs, found, expected, strict=True):
        difference = first_difference(tensor.name, f, e)
        if difference is not None:
            return difference
    raise AssertionError("explain() is only called where outputs differ")
