"""Renders the templates of `templates/`; the only door to Jinja."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tinycc_ml._resources import resource_dir


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(resource_dir("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def render(template: str, context: dict[str, Any]) -> str:
    """The text of a template, such as ``scaffold/model.h.j2``."""
    return _environment().get_template(template).render(context)
