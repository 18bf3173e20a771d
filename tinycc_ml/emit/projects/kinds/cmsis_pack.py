"""A CMSIS-Pack: the .pdsc and the .pack, for Keil, STM32CubeMX, IAR and csolution projects."""

from __future__ import annotations

import io
import zipfile

from tinycc_ml.emit.projects.kind import Files, Kind
from tinycc_ml.emit.projects.shell import Shell

VENDOR, VERSION = "tinycc-ml", "1.0.0"
#: The first moment that a zip file can tell: the same model gives the same bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def _finish(shell: Shell, files: Files) -> Files:
    """Adds the pack: a zip file of all the others."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as pack:
        for path, content in sorted(files.items()):
            pack.writestr(zipfile.ZipInfo(path, _NO_TIME), content, zipfile.ZIP_DEFLATED)
    return {**files, f"{VENDOR}.{shell.name}.{VERSION}.pack": stream.getvalue()}


KIND = Kind(
    name="cmsis-pack",
    summary="a CMSIS-Pack (.pdsc and .pack)",
    library="model",
    selftest="selftest",
    context=lambda _shell: {"vendor": VENDOR, "version": VERSION},
    finish=_finish,
)
