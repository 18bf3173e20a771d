"""Collects everything that keeps a model file from being compiled, and says it at once."""

from __future__ import annotations

from collections.abc import Iterator

from tinycc_ml.errors import UnsupportedError

#: Of nodes with the same problem, how many the one line names; `details` name all. Nodes whose
#: operator is unknown are always named.
_NAMED = 4


class Problems:
    """What is not supported in a model, grouped: the same sentence once, with all its nodes.

    Args:
        file_name: Begins the message.
    """

    def __init__(self, file_name: str) -> None:
        self._file_name = file_name
        self._general: list[str] = []
        self._unknown: dict[str, list[str]] = {}
        self._sentences: dict[tuple[str, str], list[str]] = {}

    def general(self, sentence: str) -> None:
        """Notes something that concerns the whole model."""
        self._general.append(sentence)

    def unknown_operator(self, kind: str, label: str) -> None:
        """Notes an operator that there is no row for."""
        self._unknown.setdefault(kind, []).append(label)

    def at_node(self, kind: str, label: str, sentence: str) -> None:
        """Notes why a known operator cannot be compiled as it is."""
        nodes = self._sentences.setdefault((kind, sentence), [])
        if label not in nodes:
            nodes.append(label)

    def raise_all(self) -> None:
        """Raises one error if anything has been noted.

        Raises:
            UnsupportedError: One line with all of it; `details` has a line for each part.
        """
        parts = list(self._parts(named=_NAMED))
        if parts:
            details = "\n".join(self._parts(named=None))
            raise UnsupportedError(f"{self._file_name}: {'; '.join(parts)}", details=details)

    def _parts(self, named: int | None) -> Iterator[str]:
        yield from self._general
        if self._unknown:
            count = len(self._unknown)
            what = "1 operator is" if count == 1 else f"{count} operators are"
            kinds = ", ".join(f"{kind} ({', '.join(at)})" for kind, at in self._unknown.items())
            yield f"{what} not supported: {kinds}; `tinycc-ml ops` lists what is"
        for (kind, sentence), nodes in self._sentences.items():
            yield f"{kind} ({_some(nodes, named)}): {sentence}"


def _some(items: list[str], named: int | None) -> str:
    if named is None or len(items) <= named:
        return ", ".join(items)
    return f"{', '.join(items[:named])} and {len(items) - named} more"
