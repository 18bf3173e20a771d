"""The error tree.

A message says where, what was found, what is allowed and what to do, in one line:
``conv_3 (kws.tflite#12): dilation 2x2 is not supported by conv2d_s8__mve; allowed 1x1; use
--kernels portable``. The command line prints it as it is and exits with the class's code.
"""

from __future__ import annotations


class TinyccError(Exception):
    """An error that the user can act on.

    Args:
        message: One line: where, what was found, what is allowed, what to do.
        details: More lines (an IR note, a compiler's output), printed with ``-v``.
    """

    exit_code = 1

    def __init__(self, message: str, *, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class ModelFileError(TinyccError):
    """The model file is damaged, or is no model file."""


class UnsupportedError(TinyccError):
    """The model is valid, but holds something that cannot be compiled."""


class ExtensionError(TinyccError):
    """An operator that an installed package adds cannot be used."""


class BoardError(TinyccError):
    """The board is unknown, or its description is wrong."""


class DoesNotFitError(TinyccError):
    """The model needs more memory than the board has."""


class ScheduleError(TinyccError):
    """A schedule step is not legal on this kernel."""


class OutputError(TinyccError):
    """The output folder cannot be written."""


class DataError(TinyccError):
    """An input, label or calibration file cannot be used with this model."""


class ToolchainError(TinyccError):
    """A compiler or emulator is missing, or failed."""


class LinkError(TinyccError):
    """The device does not answer, or answers nonsense."""


class DeviceFaultError(TinyccError):
    """The firmware reported a fault or an error status."""


class InternalError(TinyccError):
    """A broken invariant: a bug in tinycc-ml, not in the input."""

    exit_code = 3
