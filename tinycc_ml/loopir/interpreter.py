"""Runs a kernel on NumPy arrays, and refuses whatever C leaves undefined.

A kernel is translated to Python source once and cached, so that no expression is taken apart again
in each turn; the checks (bounds, overflow, values that do not fit) are part of that source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

import numpy as np
import numpy.typing as npt

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import InternalError
from tinycc_ml.loopir import checks
from tinycc_ml.loopir.functions import CALLABLE
from tinycc_ml.loopir.ir import LoopKernel
from tinycc_ml.loopir.to_python import translate
from tinycc_ml.loopir.windows import WRITABLE
from tinycc_ml.numerics import unpack_int4

Array = npt.NDArray[Any]
#: Called with "read" or "write", the buffer's name and the flat element index.
Trace = Callable[[str, str, int], None]


def run_kernel(
    kernel: LoopKernel, arrays: Mapping[str, Array], *, trace: Trace | None = None
) -> None:
    """Computes the outputs in place.

    Args:
        kernel: What to run.
        arrays: One C-contiguous array for each buffer, as :attr:`Buffer.memory` says. They may
            share memory: elements are read and written one by one in the kernel's order.
        trace: Called on each access to an element, after it happened.

    Raises:
        InternalError: If the kernel is wrong (an index outside its buffer, an overflow of signed
            arithmetic, a value that does not fit the element, a division by zero, an undefined
            local), or if an array does not fit its buffer.
    """
    if kernel.text is not None:
        raise InternalError(f"{kernel.name}: its body is C, which cannot be interpreted")
    names: dict[str, Any] = {**_RUNTIME}
    for buffer in kernel.buffers:
        names[f"m_{buffer.name}"] = _view(kernel, buffer.name, arrays)
    if trace is not None:
        names["read"], names["write"] = _traced(trace)
    with np.errstate(all="ignore"):
        exec(_compiled(kernel, trace is not None), names)


@lru_cache(maxsize=256)
def _compiled(kernel: LoopKernel, traced: bool) -> CodeType:
    return compile(translate(kernel, traced=traced), f"<kernel {kernel.name}>", "exec")


def _view(kernel: LoopKernel, name: str, arrays: Mapping[str, Array]) -> memoryview:
    """The array as a flat memory view: its elements are Python numbers, and memory is shared."""
    buffer = kernel.buffer(name)
    array = arrays.get(name)
    if array is None:
        raise InternalError(f"{kernel.name}: no array for buffer {name}")
    shape, dtype = buffer.memory
    if array.shape != shape or array.dtype != dtype:
        raise InternalError(
            f"{kernel.name}: array for {name} is {array.dtype.name}{array.shape}; "
            f"needed {dtype.name}{shape}"
        )
    if not array.flags.c_contiguous:
        raise InternalError(f"{kernel.name}: array for {name} is not C-contiguous")
    if buffer.role in WRITABLE and not array.flags.writeable:
        raise InternalError(f"{kernel.name}: array for {name} is read-only")
    if buffer.dtype is DType.INT4:
        return unpack_int4(array, (buffer.elements,)).data
    # A memory view does not read elements whose byte order is stated, be it the machine's own.
    native = array.view(array.dtype.newbyteorder("=")) if array.dtype.isnative else array
    return native.reshape(-1).data


def _traced(trace: Trace) -> tuple[Callable[..., Any], Callable[..., None]]:
    def read(name: str, view: Any, index: int) -> Any:
        value = view[index]
        trace("read", name, index)
        return value

    def write(name: str, view: Any, index: int, value: Any) -> None:
        view[index] = value
        trace("write", name, index)

    return read, write


_RUNTIME: dict[str, Any] = {
    **{name: getattr(checks, name) for name in checks.__all__},
    **{f"f_{function.name}": function.meaning for function in CALLABLE.values()},
}
