"""What is measured: which models, on which cores, with which options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
_SHARED = REPOSITORY.parent / "shared" / "data" / "models"

#: The bundled example, and the models of MLPerf Tiny, which lie beside the repository: in INT8, and
#: in float32.
MODELS = {
    "digits": REPOSITORY / "examples" / "digits" / "digits.tflite",
    "ic": _SHARED / "pretrainedResnet_quant.tflite",
    "kws": _SHARED / "kws_ref_model.tflite",
    "vww": _SHARED / "vww_96_int8.tflite",
    "ad": _SHARED / "ad01_int8.tflite",
    "str_ww": _SHARED / "str_ww_ref_model.tflite",
    "ic_f32": _SHARED / "pretrainedResnet.tflite",
    "kws_f32": _SHARED / "kws_savedmodel_float.tflite",
    "vww_f32": _SHARED / "vww_96_float.tflite",
    "ad_f32": _SHARED / "ad01_fp32.tflite",
}
_FLOAT = [name for name in MODELS if name.endswith("_f32")]
_INT8 = [name for name in MODELS if name not in _FLOAT]
_MLPERF = [name for name in _INT8 if name != "digits"]
#: Boards that QEMU runs, and what their cores are called in tables.
BOARDS = {
    "mps2-an386": "M4",
    "mps2-an500": "M7",
    "mps3-an547": "M55",
    "mps2-an385": "M3",
    "nucleo-g0b1re": "M0+",
}


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to compile.

    Attributes:
        options: Arguments of `compile_model`.
        aim: The figures that these options ask to be small.
    """

    options: dict[str, Any]
    aim: tuple[str, ...]


_SPEED = ("cycles_estimate", "instructions")
#: By the options of `tinycc-ml` that ask for them.
VARIANTS = {
    "--optimize latency": Variant({"optimize": "latency"}, _SPEED),
    # As much as the .tflite's INT8 weights and code without Winograd's transforms take.
    "--flash-limit 112000": Variant({"optimize": "latency", "flash_limit": 112_000}, _SPEED),
    "--optimize ram": Variant({"optimize": "ram"}, ("arena_bytes",)),
    "--optimize flash": Variant({"optimize": "flash"}, ("code_bytes", "weight_bytes")),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement.

    Attributes:
        model: Key of `MODELS`.
        board: Key of `BOARDS`.
        variant: Key of `VARIANTS`.
    """

    model: str
    board: str
    variant: str = "--optimize latency"

    def __str__(self) -> str:
        return f"{self.model} on {self.board}, {self.variant}"

    @property
    def is_here(self) -> bool:
        """Whether the model's file is on this machine."""
        return MODELS[self.model].exists()


#: Cases besides every INT8 model on every board.
EXTRA = [
    *(Case(model, "mps2-an386") for model in _FLOAT),
    Case("ic", "mps2-an386", "--flash-limit 112000"),
    *(Case(m, "mps2-an386", f"--optimize {what}") for m in _MLPERF for what in ("ram", "flash")),
]


def all_cases() -> list[Case]:
    """Everything that is measured, ordered by model."""
    cases = [*(Case(m, b) for m in _INT8 for b in BOARDS), *EXTRA]
    return sorted(cases, key=lambda case: list(MODELS).index(case.model))


#: What the tests measure: enough to notice a loss in any family of kernels, in half a minute.
SLICE = [
    *(Case("digits", board) for board in BOARDS),
    *(Case(model, "mps2-an386") for model in _MLPERF),
    Case("ad_f32", "mps2-an386"),
]
