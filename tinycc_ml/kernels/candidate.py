"""A kernel for one layer, with what it costs: what the choice is made between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef
from tinycc_ml.loopir import CallIntrinsic
from tinycc_ml.loopir.walk import statements
from tinycc_ml.ops import Layer

#: Thumb-2 instructions have 2 or 4 bytes; those of kernels mostly have 4. Of Thumb-1 only a call
#: has 4.
_BYTES_PER_INSTRUCTION, _BYTES_PER_THUMB1_INSTRUCTION, _WORD_BYTES = 4, 2, 4
#: A statement of the loop nest: address arithmetic, a load or store, its share of the loop.
_BYTES_PER_STATEMENT = 24
_BYTES_PER_CALL = 64


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way to compute one layer; built only if something of it is asked for.

    Attributes:
        definition: A kernel that accepts the layer.
        layer: The layer.
    """

    definition: KernelDef
    layer: Layer

    @cached_property
    def cycles(self) -> int:
        """Estimate of one call, without wait states."""
        return self.definition.cycles(self.layer.workload)

    @cached_property
    def kernel(self) -> Kernel:
        """The function."""
        return self.definition.build(self.layer.workload, self.layer.constants)

    @cached_property
    def packed(self) -> tuple[Constant, ...]:
        """The constants that the function reads."""
        return self.definition.pack(self.layer.workload, self.layer.constants)

    @cached_property
    def flash(self) -> dict[object, int]:
        """Bytes in flash of each thing that the layer needs there.

        Layers that need the same thing, a function, a tile or an array, share it, so that sizes
        must be added up over the union of the keys. Code is estimated, constants are exact.
        """
        parts: dict[object, int] = {(c.digest, c.array.nbytes): c.array.nbytes for c in self.packed}
        own, intrinsics = code_bytes(self.kernel)
        # By its hash, as a kernel is a deep tree that dictionaries would hash again and again.
        parts["function", self.definition.name, hash(self.kernel)] = own
        parts.update(intrinsics.items())
        return parts

    @property
    def code(self) -> dict[object, int]:
        """The part of :attr:`flash` that is code, estimated."""
        constants = {(c.digest, c.array.nbytes) for c in self.packed}
        return {key: size for key, size in self.flash.items() if key not in constants}


def code_bytes(kernel: Kernel) -> tuple[int, dict[str, int]]:
    """Estimated bytes of code: of the function, and by name of each text that it calls."""
    intrinsics: dict[str, int] = {}
    own = _BYTES_PER_STATEMENT * len(kernel.loops.text.lines) if kernel.loops.text else 0
    for statement in statements(kernel.loops.body):
        if isinstance(statement, CallIntrinsic):
            own += _BYTES_PER_CALL
            intrinsic = statement.intrinsic
            text = intrinsic.shared or intrinsic
            intrinsics[text.name] = sum(_instruction_bytes(text.assembly, intrinsic.requires))
            own += 2 * len(intrinsic.sizes)
        else:
            own += _BYTES_PER_STATEMENT
    return own, intrinsics


def _instruction_bytes(assembly: Sequence[str], requires: str) -> Iterator[int]:
    """Sizes of an assembly's lines; labels and directives but for words take none."""
    usual = _BYTES_PER_THUMB1_INSTRUCTION if requires == "thumb1" else _BYTES_PER_INSTRUCTION
    for line in assembly:
        text = line.strip()
        if text.startswith((".word", "bl ")):
            yield _WORD_BYTES
        elif text and not text.startswith((".", "@")) and not text.endswith(":"):
            yield usual
