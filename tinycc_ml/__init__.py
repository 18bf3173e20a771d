"""tinycc-ml compiles trained networks into standalone, verified C for microcontrollers."""

from __future__ import annotations

__version__ = "0.1.0"
