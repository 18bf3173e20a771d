"""Collects everything that keeps a .tflite file from being compiled, and says it at once."""

from __future__ import annotations

from tinycc_ml.importers.problems import Problems
from tinycc_ml.importers.tflite_reader import RawModel, RawOperator
from tinycc_ml.importers.tflite_view import node_label


class TfliteProblems:
    """What is not supported in a .tflite file; see :mod:`tinycc_ml.importers.problems`."""

    def __init__(self, model: RawModel) -> None:
        self._model = model
        self._problems = Problems(model.file.name)

    def general(self, sentence: str) -> None:
        """Notes something that concerns the whole model."""
        self._problems.general(sentence)

    def unknown_operator(self, operator: RawOperator) -> None:
        """Notes an operator that there is no row for."""
        self._problems.unknown_operator(operator.kind, node_label(self._model, operator))

    def at_node(self, operator: RawOperator, sentence: str) -> None:
        """Notes why a known operator cannot be compiled as it is."""
        self._problems.at_node(operator.kind, node_label(self._model, operator), sentence)

    def raise_all(self) -> None:
        """Raises one error if anything has been noted.

        Raises:
            UnsupportedError: One line with all of it; `details` has a line for each part.
        """
        self._problems.raise_all()
