"""Schedule primitives: checked functions from kernel to kernel, one per file."""

from __future__ import annotations
