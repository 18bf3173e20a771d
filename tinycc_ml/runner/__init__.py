"""Builds a project and runs it on the host, an emulator or a board."""

from __future__ import annotations
