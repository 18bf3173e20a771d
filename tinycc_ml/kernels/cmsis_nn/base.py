"""A layer as one call of CMSIS-NN: what all such kernels share.

The meaning of a call is the operator's own loop nest, which the interpreter runs. In C there is
only the call. Buffers are kept apart (`Whole`), as the library promises no order of access. The
sizes of its scratch depend on the instruction set that it is compiled for, so that there is a
kernel for each; see :mod:`tinycc_ml.kernels.cmsis_nn.buffer_sizes`.

Source: CMSIS-NN 7.0.0, ``Include/arm_nnfunctions.h``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import ClassVar, Literal

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant, TensorType
from tinycc_ml.kernels.base import Kernel, KernelDef
from tinycc_ml.loopir import (
    Argument,
    Buffer,
    CallIntrinsic,
    Intrinsic,
    LibraryText,
    LoopKernel,
    Role,
    affine,
    verify_kernel,
)
from tinycc_ml.loopir.c_functions import wrapped
from tinycc_ml.ops import Access, Whole, Workload, op

#: What the library is compiled for, the most capable first.
Isa = Literal["mve", "dsp", "c"]
ISAS: tuple[Isa, ...] = ("mve", "dsp", "c")
HEADER = "arm_nnfunctions.h"
SCRATCH = "scratch"
_WORD_BYTES = 4


@dataclass(frozen=True, slots=True)
class LibraryCall:
    """A call of the library.

    Attributes:
        function: What is called.
        objects: C definitions of the structures whose addresses are passed, one each.
        arguments: The arguments in C; they name the layer's operands.
        scratch_bytes: What the library's buffer-size function tells.
    """

    function: str
    objects: tuple[str, ...]
    arguments: tuple[str, ...]
    scratch_bytes: int = 0


class CmsisNNKernel(KernelDef):
    """One operator by one function of the library, for one instruction set."""

    #: What the name begins with.
    prefix: ClassVar[str]

    def __init__(self, isa: Isa) -> None:
        self.isa = isa
        self.name = f"{self.prefix}__cmsis_nn_{isa}"  # type: ignore[misc]
        self.requires = frozenset({isa} - {"c"})  # type: ignore[misc]

    @abstractmethod
    def call(self, workload: Workload) -> LibraryCall:
        """The call that computes a layer that is accepted."""

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        call = self.call(workload)
        meaning = op(self.op).lower(self.as_passed(workload))
        words = -(-call.scratch_bytes // _WORD_BYTES)
        scratch = Buffer(SCRATCH, DType.INT32, (words,), Role.SCRATCH)
        buffers = (*meaning.buffers, *((scratch,) if words else ()))
        statement = wrapped(f"  (void){call.function}(", call.arguments, ");")
        text = LibraryText(HEADER, (*(f"  const {o};" for o in call.objects), statement))
        # Calls with equal texts and operands are equal.
        key = repr((text, [(b.name, b.dtype.value, b.shape) for b in buffers]))
        name = f"{call.function}_{sha256(key.encode()).hexdigest()[:8]}"
        intrinsic = Intrinsic(
            name,
            LoopKernel(name, buffers, meaning.body),
            "",
            (),
            (f"Calls CMSIS-NN's {call.function}.",),
            library=text,
        )
        arguments = tuple(Argument(b.name, (affine(0),) * len(b.shape)) for b in buffers)
        loops = LoopKernel(self.op, buffers, (CallIntrinsic(intrinsic, arguments),))
        access = Access(
            workload.operand("output").elements,
            tuple((role, Whole()) for role, _ in workload.inputs),
        )
        return Kernel(self.name, (), verify_kernel(loops), access)

    def as_passed(self, workload: Workload) -> Workload:
        """The workload with the constants as the library wants them: a word for each channel."""
        channels = workload.operand("output").shape[-1]
        passed = TensorType((channels,), DType.INT32)
        return replace(
            workload,
            constants=tuple(
                (role, passed if role in ("multiplier", "shift") else type_)
                for role, type_ in workload.constants
            ),
        )

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        return tuple(
            Constant(_as(type_, constant.array))
            if constant.array.shape != type_.shape or type_.dtype is DType.INT32
            else constant
            for (_, type_), constant in zip(
                self.as_passed(workload).constants, constants, strict=True
            )
        )


def _as(type_: TensorType, array: Array) -> Array:
    return np.broadcast_to(array, type_.shape).astype(type_.dtype.numpy)


def dims(name: str, n: int, h: int, w: int, c: int) -> str:
    """A ``cmsis_nn_dims``."""
    return f"cmsis_nn_dims {name} = {{{n}, {h}, {w}, {c}}}"


def tile(height: int, width: int) -> str:
    """A ``cmsis_nn_tile``, whose first member is the width."""
    return f"{{{width}, {height}}}"


def context(scratch_bytes: int) -> str:
    """A ``cmsis_nn_context`` with the scratch."""
    buffer = SCRATCH if scratch_bytes else "NULL"
    return f"cmsis_nn_context context = {{{buffer}, {scratch_bytes}}}"


def scales(kind: str = "cmsis_nn_per_channel_quant_params") -> str:
    """The multipliers and shifts, which the library only reads."""
    return f"{kind} scales = {{(int32_t *)multiplier, (int32_t *)shift}}"
