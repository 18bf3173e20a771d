from __future__ import annotations

from pathlib import Path

import pytest

from tests.importers.samples import one_operator
from tinycc_ml.errors import ModelFileError, TinyccError
from tinycc_ml.importers import import_model, import_tflite

_RELU = one_operator("RELU", [(1, 4)], (1, 4)).build()


def test_the_content_decides(tmp_path: Path) -> None:
    for name in ("net.tflite", "net.bin", "net.onnx"):
        path = tmp_path / name
        path.write_bytes(_RELU)
        assert import_model(path).name == "net"
        assert import_model(path) == import_tflite(path)


@pytest.mark.parametrize(
    ("name", "data", "kind", "message"),
    [
        ("a.tflite", b"", ModelFileError, "a.tflite: the file is empty"),
        (
            "a.tflite",
            b"\x1c\0\0\0TF",
            ModelFileError,
            "a.tflite: the file is neither a TFLite nor an ONNX model",
        ),
        ("a.onnx", b"\x08\x08:\x10", ModelFileError, "a.onnx: the file is no ONNX model"),
        ("a.bin", b"\x08\x08:\x00", ModelFileError, "a.bin: it does not name the version"),
        ("a.txt", b"hello, world", ModelFileError, "a.txt: the file is neither a TFLite"),
        ("a\nb.tflite", b"hello, world", ModelFileError, "a?b.tflite: the file is neither"),
        ("a.tflite", _RELU[:40], ModelFileError, "a.tflite: model: "),
    ],
)
def test_other_files(
    tmp_path: Path, name: str, data: bytes, kind: type[TinyccError], message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(TinyccError) as error:
        import_model(path)
    assert type(error.value) is kind
    assert str(error.value).startswith(message)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("load", [import_model, import_tflite])
def test_files_that_cannot_be_read(tmp_path: Path, load: object) -> None:
    assert callable(load)
    with pytest.raises(ModelFileError, match=r"none\.tflite: No such file or directory"):
        load(tmp_path / "none.tflite")
    with pytest.raises(ModelFileError, match="Is a directory"):
        load(tmp_path)
