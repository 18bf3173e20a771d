"""Program and memory plan to a C project directory and its manifest."""

from __future__ import annotations
