"""Imports damaged .tflite files, in a process of its own with limited memory.

    python -m tests.importers.fuzz SEED COUNT [FILE ...] [--keep FOLDER]

Prints one JSON object: how many files were imported, and how many refused, as what. Exits with 1
at the first file that does anything else, and leaves it in the folder. The same seed damages the
same files in the same way.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import numpy as np

from tests.importers.samples import everything
from tinycc_ml.errors import TinyccError
from tinycc_ml.graph import Graph, format_graph, run_passes, verify_graph
from tinycc_ml.importers import import_tflite_bytes
from tinycc_ml.ops import integerize
from tinycc_ml.transforms import SIMPLIFY

#: Above what the process needs at its start; the largest model has a third of a megabyte.
MEMORY_BYTES = 256 << 20
SECONDS_PER_FILE = 5
#: Signatures, limits of the integer types, and what breaks sums of offsets.
_WORDS = (0, 1, 2, 4, 127, 128, 255, 65535, 2**24, 2**31 - 1, 2**31, 2**32 - 4, 2**32 - 1)

Mutation = Callable[[np.random.Generator, bytearray, bytes], None]


def _flip_bits(rng: np.random.Generator, data: bytearray, other: bytes) -> None:
    for _ in range(int(rng.integers(1, 9))):
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))


def _set_bytes(rng: np.random.Generator, data: bytearray, other: bytes) -> None:
    for _ in range(int(rng.integers(1, 9))):
        data[int(rng.integers(len(data)))] = int(rng.integers(256))


def _set_word(rng: np.random.Generator, data: bytearray, other: bytes) -> None:
    for _ in range(int(rng.integers(1, 4))):
        at = 4 * int(rng.integers(max(1, len(data) // 4)))
        data[at : at + 4] = int(rng.choice(_WORDS)).to_bytes(4, "little")


def _copy_word(rng: np.random.Generator, data: bytearray, other: bytes) -> None:
    to, source = (4 * int(rng.integers(max(1, len(data) // 4))) for _ in range(2))
    data[to : to + 4] = data[source : source + 4]


def _cut(rng: np.random.Generator, data: bytearray, other: bytes) -> None:
    del data[int(rng.integers(len(data))) :]


def _remove(rng: np.random.Generator, data: bytearray, other: bytes) -> None:
    at = int(rng.integers(len(data)))
    del data[at : at + int(rng.integers(1, 64))]


def _insert(rng: np.random.Generator, data: bytearray, other: bytes) -> None:
    at = int(rng.integers(len(data) + 1))
    data[at:at] = rng.bytes(int(rng.integers(1, 64)))


def _zero(rng: np.random.Generator, data: bytearray, other: bytes) -> None:
    at = int(rng.integers(len(data)))
    end = min(len(data), at + int(rng.integers(1, 64)))
    data[at:end] = bytes(end - at)


def _splice(rng: np.random.Generator, data: bytearray, other: bytes) -> None:
    data[int(rng.integers(len(data))) :] = other[int(rng.integers(len(other))) :]


def _patch(rng: np.random.Generator, data: bytearray, other: bytes) -> None:
    source, to = int(rng.integers(len(other))), int(rng.integers(len(data)))
    size = int(rng.integers(1, 512))
    data[to : to + size] = other[source : source + size]


_MUTATIONS: tuple[Mutation, ...] = (
    _flip_bits,
    _set_bytes,
    _set_word,
    _copy_word,
    _cut,
    _remove,
    _insert,
    _zero,
    _splice,
    _patch,
)
#: Small changes are what gets past the first checks: they come more often.
_WEIGHTS = np.array([5, 4, 6, 5, 1, 1, 1, 2, 1, 2], np.float64)


def mutate(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """A damaged copy; parts may come from `other`."""
    result = bytearray(data)
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        if result:
            index = rng.choice(len(_MUTATIONS), p=_WEIGHTS / _WEIGHTS.sum())
            _MUTATIONS[int(index)](rng, result, other)
    return bytes(result)


#: Imports the bytes of a file under a name.
Importer = Callable[[bytes, str], Graph]


def _import(data: bytes, load: Importer, name: str) -> str:
    try:
        graph = load(data, name)
    except TinyccError as error:
        message = str(error)
        if not message.startswith(f"{name}: ") or not message.isprintable():
            raise AssertionError(f"message {message!r}") from error
        return type(error).__name__
    _use(graph)
    return "imported"


def _use(graph: Graph) -> None:
    """What follows in the compiler must be able to work on whatever has been imported."""
    simplified, _ = run_passes(verify_graph(graph), SIMPLIFY)
    integerize(simplified)
    format_graph(simplified)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _out_of_time(_signal: int, _frame: FrameType | None) -> None:
    raise AssertionError(f"took more than {SECONDS_PER_FILE} seconds")


def run(
    everything: bytes,
    load: Importer,
    suffix: str,
    damage: Callable[[np.random.Generator, bytes, bytes], bytes] = mutate,
) -> int:
    """Damages files as the command line says, and imports them; returns the exit code.

    Args:
        everything: A small file that has all operators.
        load: The importer.
        suffix: Of the files' names.
        damage: Makes a damaged copy of the first file, maybe with parts of the second.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("seed", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()

    models = [everything, *(path.read_bytes() for path in arguments.files)]
    rng = np.random.default_rng(arguments.seed)
    outcomes: Counter[str] = Counter()
    warnings.simplefilter("error")
    signal.signal(signal.SIGALRM, _out_of_time)
    _limit_memory()
    for number in range(arguments.count):
        # Every second file is the small one that has all operators.
        chosen = models[0] if number % 2 == 0 else models[int(rng.integers(len(models)))]
        data = damage(rng, chosen, models[int(rng.integers(len(models)))])
        signal.alarm(SECONDS_PER_FILE)
        try:
            outcomes[_import(data, load, f"fuzz{suffix}")] += 1
        except BaseException:
            traceback.print_exc()
            print(f"file {number} of seed {arguments.seed}", file=sys.stderr)
            if arguments.keep:
                kept = arguments.keep / f"fuzz_{arguments.seed}_{number}{suffix}"
                kept.write_bytes(data)
            return 1
        finally:
            signal.alarm(0)
    print(json.dumps(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(run(everything().build(), import_tflite_bytes, ".tflite"))
