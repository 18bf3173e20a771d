"""Operators that other packages add, by the entry point group ``tinycc_ml.operators``.

An entry point names an :class:`Extension`: an operator definition, and what the operator is called
in model files. ``docs/adding-an-operator.md`` tells how, ``examples/custom-operator`` is one.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import ExtensionError, TinyccError
from tinycc_ml.graph import OpAttrs
from tinycc_ml.loopir import CText, LoopKernel
from tinycc_ml.ops.access import Access, Whole
from tinycc_ml.ops.base import OpDef, Workload, buffers_of
from tinycc_ml.ops.registry import all_ops, register

GROUP = "tinycc_ml.operators"
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Extension:
    """An operator of another package.

    Attributes:
        definition: A subclass of :class:`OpDef`; its `lower` may return a body in C, see
            :func:`c_body`.
        tflite: The custom code of .tflite files; empty where there is none.
        onnx: Domain and operator of .onnx files, as ``com.example.Snake``; empty where there is
            none.
        tflite_attrs: The attributes from an operator's custom options; by default those of
            `definition.attrs_type` without any argument.
        onnx_attrs: The same from a node's attributes by name (numbers, bytes, lists, arrays).
    """

    definition: type[OpDef]
    tflite: str = ""
    onnx: str = ""
    tflite_attrs: Callable[[bytes], OpAttrs] | None = None
    onnx_attrs: Callable[[Mapping[str, object]], OpAttrs] | None = None

    def attrs(self, given: bytes | Mapping[str, object]) -> OpAttrs:
        """The attributes from what a file gives.

        Raises:
            UnsupportedError: If the package says so.
            ExtensionError: If the package fails.
        """
        read: Callable[[Any], OpAttrs] | None
        read = self.tflite_attrs if isinstance(given, bytes) else self.onnx_attrs
        if read is None:
            return self.definition.attrs_type()
        attrs = _guarded(read, f"operator {self.definition.name}")(given)
        if not isinstance(attrs, self.definition.attrs_type):
            raise ExtensionError(
                f"operator {self.definition.name}: its attributes are read as "
                f"{type(attrs).__name__}; needed {self.definition.attrs_type.__name__}"
            )
        return attrs


def c_body(workload: Workload, text: str, *headers: str) -> LoopKernel:
    """What `lower` returns for a body in C.

    Args:
        workload: What to compute.
        text: C99 statements. The parameters are pointers: inputs, constants (both to ``const``),
            outputs and states, called by their roles. It is indented as needed.
        headers: What it needs beside ``stdint.h``, ``stddef.h`` and ``string.h``.

    Raises:
        ExtensionError: If the text is empty, or holds other characters than ASCII's.
    """
    lines = tuple(line.rstrip() for line in textwrap.dedent(text).strip("\n").split("\n"))
    if not any(lines) or not text.isascii():
        raise ExtensionError(f"operator {workload.op}: its C is empty, or no plain ASCII")
    return LoopKernel(workload.op, buffers_of(workload), (), CText(lines, headers))


def whole_access(workload: Workload) -> Access:
    """What `access` returns of elements that are read and written in any order.

    Outputs never lie over inputs then.
    """
    elements = sum(type_.elements for _, type_ in workload.outputs)
    return Access(elements, tuple((role, Whole()) for role, _ in workload.inputs))


@cache
def extensions() -> tuple[Extension, ...]:
    """Finds and registers what the installed packages add; after the first time only tells it.

    Raises:
        ExtensionError: If an entry point cannot be used.
    """
    found: list[Extension] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        where = f"entry point {entry.name} = {entry.value} ({GROUP})"
        extension = _loaded(entry, where)
        problem = next(_problems(extension, found), None)
        if problem is not None:
            raise ExtensionError(f"{where}: {problem}; repair or uninstall its package")
        register(_guarded_class(extension.definition))
        found.append(extension)
    return tuple(found)


def _loaded(entry: EntryPoint, where: str) -> Extension:
    try:
        extension = entry.load()
    except Exception as error:
        raise ExtensionError(
            f"{where}: cannot be loaded ({type(error).__name__}: {error}); repair or uninstall "
            "its package"
        ) from error
    if not isinstance(extension, Extension):
        raise ExtensionError(
            f"{where}: is {type(extension).__name__}; needed tinycc_ml.ops.extension.Extension"
        )
    return extension


def _problems(extension: Extension, others: list[Extension]) -> Iterator[str]:
    definition = extension.definition
    if not (isinstance(definition, type) and issubclass(definition, OpDef)):
        yield "its definition is no subclass of OpDef"
        return
    missing = sorted(getattr(definition, "__abstractmethods__", ()))
    if missing:
        yield f"{definition.__name__} does not define {', '.join(missing)}"
    for what in ("name", "summary"):
        if not isinstance(getattr(definition, what, None), str):
            yield f"{definition.__name__} has no {what}"
            return
    if not _NAME.match(definition.name):
        yield f"{definition.name!r} is no name: allowed are lower-case letters, digits and _"
    if definition.name in {known.name for known in all_ops()}:
        yield f"there is an operator {definition.name} already"
    unknown = set(definition.dtypes) - {dtype.value for dtype in DType}
    if unknown or not definition.dtypes:
        yield f"element types {sorted(unknown)}; allowed {', '.join(d.value for d in DType)}"
    if not extension.tflite and not extension.onnx:
        yield "it says neither a custom code (tflite) nor a domain and operator (onnx)"
    if extension.onnx and "." not in extension.onnx:
        yield f"{extension.onnx!r} names no domain: needed is domain.Operator"
    for other in others:
        for what in ("tflite", "onnx"):
            own = getattr(extension, what)
            if own and own == getattr(other, what):
                yield f"{own!r} belongs to operator {other.definition.name} already"


def _guarded_class(definition: type[OpDef]) -> type[OpDef]:
    """The same operator, whose failures are told as those of its package."""
    where = f"operator {definition.name} of {definition.__module__}"
    methods = {
        name: _guarded(getattr(definition, name), f"{where}: {name}")
        for name, _ in inspect.getmembers(OpDef, inspect.isfunction)
        if not name.startswith("_")
    }
    return type(definition.__name__, (definition,), methods)


def _guarded(function: Callable[..., Any], where: str) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except TinyccError:
            raise
        except Exception as error:
            raise ExtensionError(f"{where}: {type(error).__name__}: {error}") from error

    return call
