"""Collects everything that keeps a .tflite file from being compiled, and says it at once."""

from __future__ import annotations

from collections.abc import Iterator

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.tflite_reader import RawModel, RawOperator
from tinycc_ml.importers.tflite_view import node_label


class Problems:
    """What is not supported in a model, grouped: the same sentence once, with all its nodes."""

    def __init__(self, model: RawModel) -> None:
        self._model = model
        self._unknown: dict[str, list[str]] = {}
        self._sentences: dict[tuple[str, str], list[str]] = {}
        self._general: dict[str, None] = {}
        self._advice: dict[str, None] = {}

    def unknown_operator(self, operator: RawOperator) -> None:
        """Notes an operator that there is no row for."""
        nodes = self._unknown.setdefault(operator.kind, [])
        nodes.append(node_label(self._model, operator))

    def at_node(self, operator: RawOperator, sentence: str) -> None:
        """Notes why a known operator cannot be compiled as it is."""
        nodes = self._sentences.setdefault((operator.kind, sentence), [])
        nodes.append(node_label(self._model, operator))

    def general(self, sentence: str) -> None:
        """Notes something that concerns the whole model."""
        self._general[sentence] = None

    def advise(self, advice: str) -> None:
        """Notes what to do about it; said once, at the end."""
        self._advice[advice] = None

    def raise_all(self) -> None:
        """Raises one error if anything has been noted.

        Raises:
            UnsupportedError: One line with all of it; `details` has a line for each part.
        """
        parts = [*self._general, *self._operators(), *self._constraints(), *self._advice]
        if parts:
            raise UnsupportedError(
                f"{self._model.file.name}: {'; '.join(parts)}", details="\n".join(parts)
            )

    def _operators(self) -> Iterator[str]:
        if self._unknown:
            count = len(self._unknown)
            what = "1 operator is" if count == 1 else f"{count} operators are"
            kinds = ", ".join(
                f"{kind} ({', '.join(nodes)})" for kind, nodes in self._unknown.items()
            )
            yield f"{what} not supported: {kinds}; `tinycc-ml ops` lists what is"

    def _constraints(self) -> Iterator[str]:
        for (kind, sentence), nodes in self._sentences.items():
            yield f"{kind} ({', '.join(nodes)}): {sentence}"
