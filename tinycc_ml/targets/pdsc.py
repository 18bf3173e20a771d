"""Reads devices from a CMSIS-Pack: a `.pack` file, or its `.pdsc` (Open-CMSIS-Pack, PACK.xsd 1.7).

Packs come from anywhere. So nothing is unpacked to disk, sizes and depths are limited before
anything is read, and a document type declaration, the door to entities, is refused.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from tinycc_ml.errors import BoardError
from tinycc_ml.targets.complaint import printable

_MOST_BYTES = 64 << 20
_MOST_DEPTH = 64
_MOST_ELEMENTS = 500_000
_LEVELS = ("family", "subFamily", "device", "variant")
_NAMES = ("Dvariant", "Dname")


@dataclass(slots=True)
class Element:
    """An element of the `.pdsc`; text only of the few that are asked for."""

    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""


@dataclass(frozen=True, slots=True)
class PackDevice:
    """A device with all that it inherits from its family.

    Attributes:
        name: As the pack writes it.
        vendor: Without the number that the pack puts after a colon.
        pack: Vendor, name and version of the pack.
        processors: Attributes of its cores, the nearest level's over those above.
        memories: Attributes of its memories, in the same way.
    """

    name: str
    vendor: str
    pack: str
    processors: tuple[dict[str, str], ...]
    memories: tuple[dict[str, str], ...]


def read_device(path: Path, name: str) -> PackDevice:
    """The device of that name, or its variant.

    Args:
        path: A `.pack` or `.pdsc` file.
        name: Such as ``STM32F746ZGTx``, in any case.

    Raises:
        BoardError: If the file cannot be read, is no pack, or knows no such device.
    """
    root = _parse(path, _content(path))
    near: list[str] = []
    for levels in _devices(root, ()):
        names = [level.attributes.get(key, "") for level in levels[::-1] for key in _NAMES]
        own = next((each for each in names if each), "")
        if own.lower() == name.lower():
            return _device(root, levels, own)
        if own.lower().startswith(name.lower()[:8]):
            near.append(own)
    hint = f"; it has {', '.join(printable(n) for n in near[:5])}" if near else ""
    raise BoardError(f"{_where(path)}: no device {printable(name)} in this pack{hint}")


def _where(path: Path) -> str:
    return printable(str(path))


def _content(path: Path) -> bytes:
    """The bytes of the `.pdsc`."""
    try:
        if zipfile.is_zipfile(path):
            return _packed(path)
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BoardError(f"{_where(path)}: cannot be read: {printable(str(reason))}") from None
    if len(data) > _MOST_BYTES:
        raise BoardError(f"{_where(path)}: larger than {_MOST_BYTES >> 20} MB; no .pdsc is")
    return data


def _packed(path: Path) -> bytes:
    try:
        with zipfile.ZipFile(path) as pack:
            found = [info for info in pack.infolist() if info.filename.lower().endswith(".pdsc")]
            found = [info for info in found if "/" not in info.filename]
            if len(found) != 1:
                raise BoardError(
                    f"{_where(path)}: holds {len(found)} .pdsc files at its top; a pack has one"
                )
            with pack.open(found[0]) as file:
                data = file.read(_MOST_BYTES + 1)  # whatever the file says of its size
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise BoardError(
            f"{_where(path)}: damaged: {printable(str(error)) or 'no zip file'}; get it again"
        ) from None
    if len(data) > _MOST_BYTES:
        raise BoardError(f"{_where(path)}: its .pdsc is larger than {_MOST_BYTES >> 20} MB")
    return data


class _Tree:
    """Builds the elements while expat reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: list[Element] = []
        self._count = 0
        self.root: Element | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= _MOST_DEPTH or self._count > _MOST_ELEMENTS:
            raise BoardError(f"{_where(self._path)}: nested too deeply, or too large, for a pack")
        element = Element(tag, attributes)
        if self._open:
            self._open[-1].children.append(element)
        elif self.root is None:
            self.root = element
        self._open.append(element)

    def end(self, _tag: str) -> None:
        self._open.pop()

    def text(self, data: str) -> None:
        if len(self._open) == 2 and self._open[-1].tag in ("vendor", "name"):
            self._open[-1].text += data[:80]

    def refuse(self, *_arguments: object) -> None:
        raise BoardError(
            f"{_where(self._path)}: has a document type declaration; no .pdsc needs one, and "
            "entities are not read"
        )


def _parse(path: Path, data: bytes) -> Element:
    tree = _Tree(path)
    parser = expat.ParserCreate()
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.text
    parser.StartDoctypeDeclHandler = tree.refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise BoardError(f"{_where(path)}: not valid XML: {printable(str(error))}") from None
    if tree.root is None or tree.root.tag != "package":
        raise BoardError(f"{_where(path)}: not the description of a CMSIS-Pack (no <package>)")
    return tree.root


def _children(element: Element, tag: str) -> list[Element]:
    return [child for child in element.children if child.tag == tag]


def _devices(element: Element, above: tuple[Element, ...]) -> Iterator[tuple[Element, ...]]:
    """Each device and variant, with the levels above it, the outermost first."""
    levels = (*above, element) if element.tag in _LEVELS else above
    if element.tag in ("device", "variant"):
        yield levels
    for child in element.children:
        if child.tag in (*_LEVELS, "devices"):
            yield from _devices(child, levels)


def _device(root: Element, levels: tuple[Element, ...], name: str) -> PackDevice:
    vendor = next(
        (level.attributes["Dvendor"] for level in levels if "Dvendor" in level.attributes), ""
    )
    releases = [r for part in _children(root, "releases") for r in _children(part, "release")]
    version = releases[0].attributes.get("version", "") if releases else ""
    texts = {child.tag: child.text.strip() for child in root.children if child.text}
    return PackDevice(
        name=name,
        vendor=vendor.split(":")[0],
        pack=f"{texts.get('vendor', '?')}.{texts.get('name', '?')} {version}".strip(),
        processors=_inherited(levels, "processor", ("Pname",)),
        memories=_inherited(levels, "memory", ("name", "id")),
    )


def _inherited(
    levels: tuple[Element, ...], tag: str, keys: tuple[str, ...]
) -> tuple[dict[str, str], ...]:
    """Elements of a tag on all levels; those with the same key are one, the nearest level wins."""
    merged: dict[str, dict[str, str]] = {}
    for level in levels:
        for element in _children(level, tag):
            key = next((element.attributes[k] for k in keys if k in element.attributes), "")
            merged.setdefault(key, {}).update(element.attributes)
    # What stands above all cores holds for each of them.
    common = merged.pop("", None) if tag == "processor" and len(merged) > 1 else None
    return tuple({**(common or {}), **attributes} for attributes in merged.values())
