"""Model files to graphs."""

from __future__ import annotations
