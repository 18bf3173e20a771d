"""Step 9 for several models in one folder that share an arena."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tinycc_ml.emit.arrays import array_comment, sections_of
from tinycc_ml.emit.layout import Layout
from tinycc_ml.emit.manifest import Manifest
from tinycc_ml.emit.options import EmitOptions
from tinycc_ml.emit.project import emit_model, model_context
from tinycc_ml.emit.render import render
from tinycc_ml.emit.sections import Section, arena_section, fragment_name, placement_context
from tinycc_ml.emit.shared_manifest import SharedManifest
from tinycc_ml.emit.text import block_comment, comment_safe, wrap
from tinycc_ml.errors import OutputError


@dataclass(frozen=True, slots=True)
class SharedProject:
    """Models that share an arena.

    Attributes:
        name: Prefix of the arena's names.
        models: The layout and the account of each; of options with `shared` set to the name.
        options: Of all of them.
        arena_memory: The board's memory that the arena is meant for; empty where all are alike.
    """

    name: str
    models: tuple[tuple[Layout, Manifest], ...]
    options: EmitOptions
    arena_memory: str

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """The accounts."""
        return tuple(manifest for _, manifest in self.models)

    @property
    def arena_bytes(self) -> int:
        """Size of the arena: what the largest needs."""
        return max(manifest.arena_bytes for manifest in self.manifests)

    @property
    def alignment(self) -> int:
        """Alignment of the arena."""
        return max(manifest.arena_alignment for manifest in self.manifests)

    @property
    def has_array(self) -> bool:
        """Whether the folder defines the arena; else the application does."""
        return self.options.arena == "static" and self.arena_bytes > 0


def emit_shared(project: SharedProject) -> dict[str, str]:
    """The content of every generated file, by name.

    Raises:
        OutputError: If two files, or two sets of macros, would have one name.
    """
    contexts = [model_context(layout, m, project.options) for layout, m in project.models]
    _check_names(project)
    context = _context(project, contexts)
    files = {name: text for each in contexts for name, text in emit_model(each).items()}
    files[f"{project.name}_arena.h"] = render("scaffold/shared_arena.h.j2", context)
    if project.has_array:
        files[f"{project.name}_arena.c"] = render("scaffold/shared_arena.c.j2", context)
    if context["sections"]:
        files[context["fragment"]] = render("scaffold/model_sections.ld.j2", context)
    names = tuple(files)
    files["README.md"] = render("scaffold/README_shared.md.j2", context)
    files["manifest.json"] = shared_manifest(project, names).to_json()
    return files


def shared_manifest(project: SharedProject, files: tuple[str, ...]) -> SharedManifest:
    """The account of the whole folder."""
    return SharedManifest(
        name=project.name,
        files=files,
        arena_bytes=project.arena_bytes,
        arena_alignment=project.alignment,
        arena_memory=project.arena_memory,
        state_bytes=sum(manifest.state_bytes for manifest in project.manifests),
        weight_bytes=sum(manifest.weight_bytes for manifest in project.manifests),
        models=project.manifests,
    )


def _check_names(project: SharedProject) -> None:
    own = [f"{project.name}_arena.{kind}" for kind in "hc"]
    names = [*own, *(name for manifest in project.manifests for name in manifest.files)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OutputError(
            f"--share-arena: two models would both write {twice[0]}; rename a model's file"
        )
    if project.name in {manifest.name for manifest in project.manifests}:
        raise OutputError(
            f"--share-arena: {project.name} is the name of a model and of the arena; choose "
            "another with --name"
        )


def _context(project: SharedProject, contexts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first = project.manifests[0]
    sections = _sections(project)
    own = arena_section(project.arena_memory)
    needed = sum(manifest.arena_bytes for manifest in project.manifests)
    return {
        "banner": _banner(project),
        "name": project.name,
        "NAME": project.name.upper(),
        "model": project.name,
        "tool_version": first.tool_version,
        "board": first.board,
        "core": first.core,
        "comment": _comment(project),
        "arena_bytes": project.arena_bytes,
        "alignment": project.alignment,
        "saved_bytes": needed - project.arena_bytes,
        "state_bytes": sum(manifest.state_bytes for manifest in project.manifests),
        "weight_bytes": sum(manifest.weight_bytes for manifest in project.manifests),
        "has_array": project.has_array,
        "context": project.options.arena == "caller",
        "pushed": project.options.io == "rows",
        "in_arena": project.options.io != "external",
        "models": [_model(m, c) for m, c in zip(project.manifests, contexts, strict=True)],
        "array": {
            "attribute": "TCML_ARENA_ATTRIBUTE",
            "section": own.name if project.arena_memory else "",
            "comment": array_comment(project.arena_memory),
        },
        "fragment": fragment_name(project.name),
        **placement_context(sections),
    }


def _sections(project: SharedProject) -> tuple[Section, ...]:
    """The arena's, and each that some model makes."""
    own = arena_section(project.arena_memory)
    found: Iterable[Section] = (
        section for layout, _ in project.models for section in sections_of(layout, project.options)
    )
    arena = (own,) if project.arena_memory and project.has_array else ()
    return tuple({section.name: section for section in (*arena, *found)}.values())


def _banner(project: SharedProject) -> str:
    first = project.manifests[0]
    names = ", ".join(manifest.name for manifest in project.manifests)
    return block_comment(
        [
            f"{project.name}: the arena of {names}; generated by tinycc-ml "
            f"{first.tool_version} for {first.board} ({first.core}).",
            "It belongs to you: use it as you like, without conditions. Do not edit, generate "
            "again.",
        ]
    )


def _comment(project: SharedProject) -> str:
    needs = ", ".join(f"{m.name} {m.arena_bytes}" for m in project.manifests)
    return block_comment(
        [
            f"Working memory of all models of this folder: as much as the largest needs ({needs}).",
            "One at a time: from the moment in which the input of a model is complete until its "
            "output has been read, no other may run. What a model keeps from one inference to the "
            "next is not in it.",
        ]
    )


def _model(manifest: Manifest, context: dict[str, Any]) -> dict[str, Any]:
    """A row of the table, and how the model is called."""
    name = manifest.name
    instance = [f"&{name}"] if context["context"] else []
    outputs = [f"{name}_{port.name}" for port in manifest.outputs]
    inputs = [f"{name}_{port.name}" for port in manifest.inputs]
    if manifest.input_rows:
        rows = context["inputs"][0]["macro"]
        push = ", ".join([*instance, "row"])
        call = (
            f"{name}_begin({', '.join(instance)});\n"
            f"for (int number = 0; number < {rows}_ROWS; ++number) {{ {name}_push_row({push}); }}\n"
            + wrap(f"{name}_finish(", [*instance, *outputs], ");")
        )
    else:
        call = wrap(f"{name}_run(", [*instance, *inputs, *outputs], ");")
    return {
        "name": name,
        "file": comment_safe(manifest.model_file),
        "arena_bytes": manifest.arena_bytes,
        "scratch_bytes": manifest.scratch_bytes,
        "state_bytes": manifest.state_bytes,
        "weight_bytes": manifest.weight_bytes,
        "macs": manifest.macs,
        "call": call,
    }
