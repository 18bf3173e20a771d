"""The tables of docs/benchmarks.md, written between markers from the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.cases import BOARDS, REPOSITORY, Case, all_cases
from benchmarks.measure import COLUMNS, Figures
from benchmarks.published import CMSIS_NN_CYCLES, FLOAT_PEERS, RESULTS, TFLM, TITLES, TVM

DOCUMENT = REPOSITORY / "docs" / "benchmarks.md"
_CORES = {core: board for board, core in BOARDS.items()}

Measured = Mapping[str, Figures]


def update_document(measured: Measured, path: Path = DOCUMENT) -> None:
    """Writes every table anew between its markers ``<!-- name: ... -->`` and ``<!-- end -->``."""
    text = path.read_text(encoding="utf-8")
    for name, make in _TABLES.items():
        head, begin, rest = text.partition(f"<!-- {name}: written by benchmarks/models.py -->\n")
        _, end, tail = rest.partition("<!-- end -->")
        if not begin or not end:
            raise ValueError(f"{path.name}: no markers for the table {name}")
        text = head + begin + "\n".join(make(measured)) + "\n" + end + tail
    path.write_text(text, encoding="utf-8")


def _table(head: Sequence[str], rows: Iterator[Sequence[object]]) -> list[str]:
    """A Markdown table; columns whose title starts with ``>`` are aligned to the right."""
    lines = [
        "| " + " | ".join(title.removeprefix(">") for title in head) + " |",
        "|" + "|".join("--:" if title.startswith(">") else "---" for title in head) + "|",
    ]
    return lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _of(measured: Measured, model: str, core: str, key: str) -> int | None:
    case = str(Case(model, _CORES[core]))
    return measured.get(case, {}).get(key)


def _ratio(theirs: int, ours: int | None) -> str:
    return f"{theirs / ours:.2f}x" if ours else "-"


def _ours(measured: Measured) -> list[str]:
    def rows() -> Iterator[Sequence[object]]:
        for case in all_cases():
            figures = measured.get(str(case))
            if figures:
                cells = (_number(figures.get(key)) for key in COLUMNS)
                title = TITLES.get(case.model, case.model)
                yield (title, BOARDS[case.board], f"`{case.variant}`", *cells)

    return _table(["model", "core", "options", *(f">{t}" for t in COLUMNS.values())], rows())


def _interpreter(measured: Measured) -> list[str]:
    def rows() -> Iterator[Sequence[object]]:
        for model, theirs in TFLM.items():
            for core, instructions in theirs.instructions.items():
                ours = _of(measured, model, core, "instructions")
                row = (TITLES[model], core, _number(instructions), _number(ours))
                yield (*row, _ratio(instructions, ours))

    return _table(["model", "core", ">TFLM + CMSIS-NN", ">tinycc-ml", ">ratio"], rows())


def _memory(measured: Measured) -> list[str]:
    def rows() -> Iterator[Sequence[object]]:
        for model, theirs in TFLM.items():
            pairs = (
                (theirs.code_bytes, "code_bytes"),
                (theirs.arena_bytes, "arena_bytes"),
                (theirs.stack_bytes, "stack_bytes"),
            )
            cells = (f"{n:,} / {_number(_of(measured, model, 'M4', key))}" for n, key in pairs)
            yield (TITLES[model], *cells)

    titles = [">code without weights", ">arena", ">stack"]
    return _table(["model, M4, bytes: TFLM / ours", *titles], rows())


def _ahead_of_time(measured: Measured) -> list[str]:
    def rows() -> Iterator[Sequence[object]]:
        for model, (instructions, code, ram) in TVM.items():
            ours = [_of(measured, model, "M4", k) for k in ("instructions", "code_bytes")]
            arena = _of(measured, model, "M4", "arena_bytes")
            yield (
                TITLES[model],
                f"{instructions:,} / {_number(ours[0])}",
                f"{code:,} / {_number(ours[1])}",
                f"{ram:,} / {_number(arena)}",
            )

    return _table(["model, M4: TVM / ours", ">instructions", ">code", ">static RAM"], rows())


def _published(measured: Measured) -> list[str]:
    def rows() -> Iterator[Sequence[object]]:
        for r in RESULTS:
            ours = _of(measured, r.model, r.core, "cycles_estimate")
            kind = "open" if r.is_open else "closed"
            yield (
                *(TITLES[r.model], r.core, f"{r.who} ({kind})", r.where),
                *(_number(r.cycles), _number(ours), _ratio(r.cycles, ours)),
            )

    titles = [">its cycles", ">our estimate, no wait states", ">ratio"]
    return _table(["model", "core", "whose", "where", *titles], rows())


def _kernels(measured: Measured) -> list[str]:
    def rows() -> Iterator[Sequence[object]]:
        for model, cycles in CMSIS_NN_CYCLES.items():
            ours = _of(measured, model, "M4", "cycles_estimate")
            yield (TITLES[model], _number(cycles), _number(ours), _ratio(cycles, ours))

    return _table(["model, M4", ">CMSIS-NN's kernels", ">tinycc-ml", ">ratio"], rows())


def _float32(measured: Measured) -> list[str]:
    def rows() -> Iterator[Sequence[object]]:
        for model, (who, theirs) in FLOAT_PEERS.items():
            ours = _of(measured, model, "M4", "instructions")
            yield (TITLES[model], who, _number(theirs), _number(ours), _ratio(theirs, ours))

    return _table(["model, M4", "whose", ">its instructions", ">tinycc-ml", ">ratio"], rows())


_TABLES = {
    "ours": _ours,
    "interpreter": _interpreter,
    "memory": _memory,
    "ahead-of-time": _ahead_of_time,
    "float32": _float32,
    "kernels": _kernels,
    "published": _published,
}
