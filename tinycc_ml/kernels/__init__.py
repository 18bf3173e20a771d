"""Ways to compute an operator: selection, and the program it gives."""

from __future__ import annotations
