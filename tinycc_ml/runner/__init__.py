"""Builds a project and runs it on the host, an emulator or a board."""

from __future__ import annotations

from tinycc_ml.runner.compare import TOLERANCE, Difference, agree, first_difference
from tinycc_ml.runner.cycles import CycleCounter, CycleEstimate, count_cycles, why_no_estimate
from tinycc_ml.runner.data import Samples, load_samples
from tinycc_ml.runner.device import Device
from tinycc_ml.runner.doctor import Check, examine
from tinycc_ml.runner.firmware import FirmwareImage, build_firmware
from tinycc_ml.runner.flashing import FLASH_TOOLS, flash
from tinycc_ml.runner.inference import infer, start
from tinycc_ml.runner.machines import machines
from tinycc_ml.runner.measurement import Measurement, measure
from tinycc_ml.runner.oracle import Oracle, oracle_available
from tinycc_ml.runner.ports import AUTO, find_port
from tinycc_ml.runner.project import BuiltProject, build_project
from tinycc_ml.runner.reference import NumpyReference, Reference, choose_reference
from tinycc_ml.runner.selftest import BoardCheck, check_board
from tinycc_ml.runner.sessions import Place, open_device
from tinycc_ml.runner.validation import Validation, validate

__all__ = [
    "AUTO",
    "FLASH_TOOLS",
    "TOLERANCE",
    "BoardCheck",
    "BuiltProject",
    "Check",
    "CycleCounter",
    "CycleEstimate",
    "Device",
    "Difference",
    "FirmwareImage",
    "Measurement",
    "NumpyReference",
    "Oracle",
    "Place",
    "Reference",
    "Samples",
    "Validation",
    "agree",
    "build_firmware",
    "build_project",
    "check_board",
    "choose_reference",
    "count_cycles",
    "examine",
    "find_port",
    "first_difference",
    "flash",
    "infer",
    "load_samples",
    "machines",
    "measure",
    "open_device",
    "oracle_available",
    "start",
    "validate",
    "why_no_estimate",
]
