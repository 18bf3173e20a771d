"""The library that tests link: CMSIS-NN where ``TINYCC_ML_CMSIS_NN`` names it, else a stand-in."""

from __future__ import annotations

import os
from pathlib import Path

STAND_IN = Path(__file__).parent / "cmsis_nn_stub"
LIBRARY = Path(os.environ.get("TINYCC_ML_CMSIS_NN") or STAND_IN)
