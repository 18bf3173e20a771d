"""Whole inferences on a device: tensors in, tensors out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.emit import Manifest, TensorEntry
from tinycc_ml.graph import Array
from tinycc_ml.runner.device import Device


def start(device: Device, manifest: Manifest) -> None:
    """Begins with a new sample, or a new sequence: earlier ones are forgotten."""
    if manifest.states:
        device.reset_state()


def infer(
    device: Device,
    inputs: Sequence[Array],
    outputs: Sequence[TensorEntry],
    *,
    trace: bool = False,
) -> tuple[Array, ...]:
    """Runs the model once.

    Args:
        device: A device that runs the model's firmware.
        inputs: One array per model input, of its dtype.
        outputs: What the model's outputs are.
        trace: Whether to record the layers' checksums.

    Raises:
        LinkError: If the device does not answer.
        DeviceFaultError: If the model reported an error, or the firmware a fault.
    """
    device.write_inputs([array.tobytes() for array in inputs])
    device.run(1, trace=trace)
    return tuple(
        np.frombuffer(data, DType(tensor.dtype).numpy).reshape(tensor.shape)
        for tensor, data in zip(outputs, device.read_outputs(), strict=True)
    )
