"""Writes lines of C that clang-format would not change.

Where a statement would be longer than the line, parts of it become locals. Only what has no such
parts is wrapped, as clang-format wraps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.c_expr import (
    Apply,
    Atom,
    CExpr,
    Convert,
    Element,
    children,
    exchange,
    render,
)
from tinycc_ml.loopir.c_functions import COLUMNS, PREFIX, wrapped
from tinycc_ml.loopir.c_indices import Names

#: From the texts of a statement's expressions to its line.
Template = Callable[[list[str]], str]

_MIN_MAX = (f"{PREFIX}min_", f"{PREFIX}max_")


@dataclass(frozen=True, slots=True)
class Part:
    """An expression of a statement, and what a local that holds it is called."""

    expr: CExpr
    wish: str
    movable: bool = True

    def exchange(self, old: CExpr, new: CExpr) -> Part:
        """Replaces a subexpression."""
        return replace(self, expr=exchange(self.expr, old, new))


class CLines:
    """The lines of a function body, two spaces of indentation for each open block."""

    def __init__(self, names: Names, indentation: int) -> None:
        self.lines: list[str] = []
        self._names = names
        self._indentation = indentation

    @property
    def width(self) -> int:
        """Columns left for the text of a line."""
        return COLUMNS - self._indentation

    def add(self, text: str) -> None:
        """Adds a line."""
        self.lines.append(" " * self._indentation + text)

    def comment(self, text: str) -> None:
        """Adds a comment of one line, or of as many as it takes."""
        words, line = text.split(" "), "/*"
        for word in words:
            if len(line) + 1 + len(word) + 3 > self.width:
                self.add(line)
                line = " *"
            line += f" {word}"
        self.add(f"{line} */")

    def open(self, text: str) -> None:
        """Adds a line that opens a block."""
        self.add(text)
        self._indentation += 2

    def close(self) -> None:
        """Closes the innermost block."""
        self._indentation -= 2
        self.add("}")

    def open_for(self, variable: str, extent: int) -> None:
        """Opens a loop; its line has nothing to move out, so that it is wrapped if it must be."""
        pieces = [f"{variable} < {extent};", f"++{variable}) {{"]
        line = f"for (int32_t {variable} = 0;"
        indent = ""
        for piece in pieces:
            if len(indent) + len(line) + 1 + len(piece) > self.width:
                self.add(indent + line)
                indent, line = " " * len("for ("), piece
            else:
                line += f" {piece}"
        self.open(indent + line)

    def local(self, name: str, dtype: DType, value: CExpr, *, constant: bool = True) -> None:
        """Declares a local."""
        head = f"{'const ' if constant else ''}{dtype.c_name} {name} = "
        self._fitted([Part(value, "value", movable=False)], lambda texts: f"{head}{texts[0]};")

    def assign(self, name: str, operator: str, value: CExpr) -> None:
        """``name = value;`` or ``name += value;``."""
        self._fitted([Part(value, "value")], lambda texts: f"{name} {operator} {texts[0]};")

    def store(self, target: Element, value: CExpr) -> None:
        """``buffer[index] = value;``."""
        self._fitted(
            [Part(target.index, f"{target.buffer}_at"), Part(value, "value")],
            lambda texts: f"{target.buffer}[{texts[0]}] = {texts[1]};",
        )

    def call(self, function: str, windows: Sequence[Element]) -> None:
        """``function(&buffer[index], ...);``."""
        starts = [
            window.buffer if window.index == Atom("0") else render_address(window)
            for window in windows
        ]
        indent = " " * self._indentation
        head = f"{indent}{PREFIX}{function}("
        aligned = wrapped(head, starts, ");").split("\n")
        below = [head, *wrapped(f"{indent}    ", starts, ");").split("\n")]
        # clang-format breaks behind the bracket where that saves a line, or nothing else fits.
        fits = all(len(line) <= COLUMNS for line in aligned)
        self.lines += aligned if fits and len(aligned) < len(below) + 1 else below

    def _fitted(self, parts: list[Part], template: Template) -> None:
        """Adds a line, after declarations of those parts that it has no room for."""
        while len(line := template([render(part.expr) for part in parts])) > self.width:
            moved = self._part_to_move(parts, template, len(line))
            if moved is None:
                break
            name = self._names.fresh(moved.wish)
            self.local(name, _type(moved.expr), moved.expr)
            parts = [part.exchange(moved.expr, Atom(name)) for part in parts]
        if len(line) <= self.width:
            self.add(line)
        else:
            target, _, value = line.partition("= ")
            self.add(f"{target}=")
            self.add(f"    {value}")

    def _part_to_move(self, parts: list[Part], template: Template, length: int) -> Part | None:
        """What to declare first: a call if there is one, else the longest that fits a line."""

        def shortens(inner: Part) -> bool:
            stand_in = Atom(f"{inner.wish}_99")
            return len(template([render(p.exchange(inner.expr, stand_in).expr) for p in parts])) < (
                length
            )

        found = [inner for part in parts for inner in _inside(part) if shortens(inner)]
        fitting = [part for part in found if _declaration_length(part) <= self.width]
        return max(fitting or found, key=_preference, default=None)


def render_address(window: Element) -> str:
    """``&buffer[index]``."""
    return f"&{render(window)}"


def _declaration_length(part: Part) -> int:
    return len(f"const {_type(part.expr).c_name} {part.wish}_99 = {render(part.expr)};")


def _preference(part: Part) -> tuple[bool, int]:
    return part.wish.endswith("_result"), len(render(part.expr))


def _inside(part: Part) -> Iterator[Part]:
    """The parts of a part that can become locals, and itself if it can."""
    inner: tuple[Part, ...]
    match part.expr:
        case Atom():
            return
        case Element(buffer, index) | Convert(_, Element(buffer, index)):
            own, inner = f"{buffer}_value", (Part(index, f"{buffer}_at"),)
        case Apply(function, arguments) if not function.startswith(_MIN_MAX):
            own = f"{function.removeprefix(PREFIX)}_result"
            inner = tuple(Part(argument, part.wish) for argument in arguments)
        case _:
            own = part.wish
            inner = tuple(Part(child, part.wish) for child in children(part.expr))
    if part.movable:
        yield Part(part.expr, own)
    for each in inner:
        yield from _inside(each)


def _type(expr: CExpr) -> DType:
    return DType.INT32 if isinstance(expr, Atom) else expr.dtype
