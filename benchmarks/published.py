"""Figures of others, to stand beside ours, each with where it is from. Not made by this benchmark.

Multiply-accumulates and all figures are of the INT8 reference models of MLPerf Tiny.
"""

from __future__ import annotations

from dataclasses import dataclass

#: The models' names in tables, and their multiply-accumulates as the files have them.
TITLES = {"ic": "IC", "kws": "KWS", "vww": "VWW", "ad": "AD", "str_ww": "str_ww"}
TITLES |= {f"{model}_f32": f"{TITLES[model]} float32" for model in ("ic", "kws", "vww", "ad")}


#: The best ahead-of-time compiler of float32 models on the emulated M4, and its instructions.
FLOAT_PEERS = {
    "ic_f32": ("IREE 3.1", 49_500_000),
    "kws_f32": ("onnx2c, -O3", 19_800_000),
    "vww_f32": ("onnx2c, -O3", 54_800_000),
    "ad_f32": ("IREE 3.1", 1_030_000),
}


@dataclass(frozen=True, slots=True)
class Interpreter:
    """TensorFlow Lite Micro with CMSIS-NN on the same emulated machines.

    Attributes:
        instructions: Per inference, by core.
        code_bytes: Flash without the model, with the kernels that the model needs.
        arena_bytes: `arena_used_bytes` on the M4.
        stack_bytes: On the M4.
    """

    instructions: dict[str, int]
    code_bytes: int
    arena_bytes: int
    stack_bytes: int


#: CMSIS-NN at -O3 with double rounding, QEMU 7.2 with `-icount shift=0`. M3 and M0+ are the sums of
#: CMSIS-NN's kernels without the interpreter.
TFLM: dict[str, Interpreter] = {
    "ic": Interpreter(
        {"M4": 29_872_600, "M7": 29_934_920, "M55": 4_809_593, "M3": 41_750_000, "M0+": 97_600_000},
        *(54_620, 54_996, 1_236),
    ),
    "kws": Interpreter(
        {"M4": 7_845_400, "M7": 7_761_360, "M55": 1_785_437, "M3": 10_540_000, "M0+": 29_000_000},
        *(55_536, 22_820, 1_236),
    ),
    "vww": Interpreter(
        {"M4": 24_720_560, "M7": 24_484_040, "M55": 6_433_812, "M3": 20_980_000, "M0+": 59_000_000},
        *(58_032, 100_708, 1_236),
    ),
    "ad": Interpreter(
        {"M4": 582_320, "M7": 582_680, "M55": 150_031, "M3": 953_000, "M0+": 1_758_000},
        *(28_383, 2_580, 748),
    ),
    "str_ww": Interpreter(
        {"M4": 2_225_960, "M7": 2_187_280, "M55": 410_656, "M3": 4_260_000, "M0+": 9_310_000},
        *(52_968, 16_596, 1_016),
    ),
}

#: CMSIS-NN's kernels on the M4 by the same kind of cost table, cycles without wait states.
CMSIS_NN_CYCLES = {"ic": 36_670_000, "kws": 9_490_000, "vww": 30_330_000, "ad": 737_000}

#: TVM 0.14's ahead-of-time C with CMSIS-NN on the M4: instructions, code, static RAM.
TVM = {
    "ic": (29_870_000, 16_020, 49_728),
    "kws": (8_290_000, 18_064, 17_156),
    "vww": (24_100_000, 21_828, 55_296),
    "ad": (583_000, 3_920, 768),
}


@dataclass(frozen=True, slots=True)
class Result:
    """A published result of MLPerf Tiny, closed division.

    Attributes:
        core: As in `cases.BOARDS`.
        model: Key of `TITLES`.
        cycles: Clock divided by the median throughput.
        who: Submitter or software.
        where: Board, clock, round.
        is_open: Whether the source of the software can be had.
    """

    core: str
    model: str
    cycles: int
    who: str
    where: str
    is_open: bool = False


_G0 = "NUCLEO-G0B1RE 64 MHz, v1.2"
_L4 = "NUCLEO-L4R5ZI 120 MHz"
_H7 = "NUCLEO-H7A3ZI-Q 280 MHz, v1.2"
_M467 = "NuMaker-M467HJ 200 MHz, v1.1"
_BOSCH, _ST, _ONNC = "Bosch HALE 1.0.175", "ST X-CUBE-AI 9.0", "ONNC + CMSIS-NN"

#: The best of each core that runs without an accelerator, and the best of which the source is open.
RESULTS = (
    Result("M4", "ic", 19_815_000, _ST, f"{_L4}, v1.2"),
    Result("M4", "kws", 5_182_000, _ST, f"{_L4}, v1.2"),
    Result("M4", "vww", 10_671_000, _ST, f"{_L4}, v1.2"),
    Result("M4", "ad", 486_000, "Plumerai 2023.05", f"{_L4}, v1.1"),
    Result("M4", "ic", 34_288_000, f"Nuvoton {_ONNC}", _M467, True),
    Result("M4", "kws", 9_237_000, f"Nuvoton {_ONNC}", _M467, True),
    Result("M4", "vww", 19_745_000, f"Nuvoton {_ONNC}", _M467, True),
    Result("M4", "ad", 961_000, f"Skymizer {_ONNC}", f"{_L4}, v1.1", True),
    Result("M7", "ic", 11_437_000, _ST, _H7),
    Result("M7", "kws", 3_169_000, _ST, _H7),
    Result("M7", "vww", 6_665_000, _ST, _H7),
    Result("M7", "ad", 303_000, _BOSCH, _H7),
    Result("M0+", "ic", 97_412_000, _BOSCH, _G0),
    Result("M0+", "kws", 30_375_000, _BOSCH, _G0),
    Result("M0+", "vww", 90_523_000, _BOSCH, _G0),
    Result("M0+", "ad", 2_617_000, _BOSCH, _G0),
)
