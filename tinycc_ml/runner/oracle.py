"""TensorFlow Lite Micro itself as the reference, through the package ``tflite-micro``."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from tinycc_ml.errors import ToolchainError
from tinycc_ml.graph import Array

#: Its arena is generous: the host has memory, and the library cannot say what it needs beforehand.
_ARENA_BYTES = 16 << 20


def oracle_available() -> bool:
    """Whether the package is installed; does not import it."""
    return importlib.util.find_spec("tflite_micro") is not None


class Oracle:
    """An interpreter of TensorFlow Lite Micro's reference kernels.

    Only give it models that the importer has accepted: the library does not validate files.
    """

    def __init__(self, model: bytes, outputs: int) -> None:
        """Loads a model.

        Args:
            model: Content of a ``.tflite`` file.
            outputs: Number of its outputs.

        Raises:
            ToolchainError: If the package is missing, or refuses the model.
        """
        if not oracle_available():
            raise ToolchainError(
                "the package tflite-micro is not installed; pip install 'tinycc-ml[reference]', "
                "or use --reference numpy"
            )
        from tflite_micro.python.tflite_micro import runtime

        try:
            self._interpreter = runtime.Interpreter.from_bytes(model, arena_size=_ARENA_BYTES)
        except RuntimeError as error:
            raise ToolchainError(f"TensorFlow Lite Micro refuses this model: {error}") from None
        self._outputs = outputs

    def reset(self) -> None:
        """Forgets all earlier samples."""
        self._interpreter.reset()

    def run(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """The outputs for one sample."""
        for index, array in enumerate(inputs):
            self._interpreter.set_input(array, index)
        self._interpreter.invoke()
        return tuple(self._interpreter.get_output(i) for i in range(self._outputs))
