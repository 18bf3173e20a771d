"""Manifests and run reports to HTML, tables, plots."""

from __future__ import annotations
