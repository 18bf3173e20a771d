"""Searches schedules by measurement and writes records."""

from __future__ import annotations
