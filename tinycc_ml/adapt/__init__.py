"""Several variants of a model behind one switch."""

from __future__ import annotations
