"""Compares a device with a reference, sample by sample, and explains the first difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinycc_ml.emit import Manifest
from tinycc_ml.graph import Array
from tinycc_ml.ops import LayerGraph
from tinycc_ml.runner.compare import Difference, first_difference, same_bytes
from tinycc_ml.runner.crc import crc32
from tinycc_ml.runner.data import Samples
from tinycc_ml.runner.device import Device
from tinycc_ml.runner.inference import infer
from tinycc_ml.runner.reference import NumpyReference, Reference


@dataclass(frozen=True, slots=True)
class Validation:
    """The result of a comparison.

    Attributes:
        total: Samples compared.
        identical: Samples whose outputs agree in every byte.
        correct: Samples whose largest first output is at the label; ``None`` without labels.
        first_mismatch: The first sample that differs and where; ``None`` when none does.
    """

    total: int
    identical: int
    correct: int | None
    first_mismatch: tuple[int, Difference] | None


def validate(
    device: Device,
    manifest: Manifest,
    graph: LayerGraph,
    samples: Samples,
    reference: Reference,
    progress: Callable[[int], None],
) -> Validation:
    """Runs every sample on the device and on the reference.

    Args:
        device: Runs the model.
        manifest: What the model's tensors are.
        graph: The model in integers, for finding the layer that differs.
        samples: What to run.
        reference: What to compare with.
        progress: Called with the number of samples done, after each.
    """
    identical = correct = 0
    mismatch: tuple[int, Difference] | None = None
    for number in range(len(samples)):
        inputs = samples.sample(number)
        expected = reference.run(inputs)
        found = infer(device, inputs, manifest.outputs)
        if same_bytes(found, expected):
            identical += 1
        elif mismatch is None:
            mismatch = (number, explain(device, manifest, graph, inputs, found, expected))
        if samples.labels is not None:
            correct += int(np.argmax(found[0]) == samples.labels[number])
        progress(number + 1)
    labelled = samples.labels is not None
    return Validation(len(samples), identical, correct if labelled else None, mismatch)


def explain(
    device: Device,
    manifest: Manifest,
    graph: LayerGraph,
    inputs: tuple[Array, ...],
    found: tuple[Array, ...],
    expected: tuple[Array, ...],
) -> Difference:
    """The first layer, or else output, in which the device differs from the reference."""
    infer(device, inputs, manifest.outputs, trace=True)
    values = NumpyReference(graph).values(inputs)
    checksums = device.layer_crcs()
    for index, layer in enumerate(manifest.layers):
        value = values[layer.output]
        if checksums[index].crc == crc32(value.tobytes()):
            continue
        data = device.read_layer(index, value.nbytes)
        array = np.frombuffer(data, value.dtype).reshape(value.shape)
        difference = first_difference(f"{layer.name} ({layer.origin})", array, value)
        if difference is not None:
            return difference
    for tensor, f, e in zip(manifest.outputs, found, expected, strict=True):
        difference = first_difference(tensor.name, f, e)
        if difference is not None:
            return difference
    raise AssertionError("explain() is only called where outputs differ")
