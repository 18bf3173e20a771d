"""Tensors of an ONNX file as NumPy arrays, whatever the file claims about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path, PurePosixPath

import numpy as np
from onnx import TensorProto, helper

from tinycc_ml.errors import ModelFileError, UnsupportedError
from tinycc_ml.graph import Array
from tinycc_ml.importers.flatbuffer import one_line
from tinycc_ml.importers.onnx.values import Const
from tinycc_ml.numerics import packed_bytes, unpack_int4

#: No microcontroller holds more, and sizes stay below 2**31 in all later arithmetic.
MAX_TENSOR_BYTES = 2**31 - 1
MAX_RANK = 16

_P = TensorProto
#: Element types that can be read, and the field that holds them where it is not `raw_data`.
_TYPES: Mapping[int, tuple[str, str]] = {
    _P.FLOAT: ("<f4", "float_data"),
    _P.UINT8: ("<u1", "int32_data"),
    _P.INT8: ("<i1", "int32_data"),
    _P.UINT16: ("<u2", "int32_data"),
    _P.INT16: ("<i2", "int32_data"),
    _P.INT32: ("<i4", "int32_data"),
    _P.INT64: ("<i8", "int64_data"),
    _P.BOOL: ("?", "int32_data"),
    _P.FLOAT16: ("<f2", "int32_data"),
    _P.DOUBLE: ("<f8", "double_data"),
    _P.UINT32: ("<u4", "uint64_data"),
    _P.UINT64: ("<u8", "uint64_data"),
}
#: Element types of 4 bits, and what they become.
_INT4: Mapping[int, tuple[str, str]] = {
    _P.UINT4: ("<u1", "int32_data"),
    _P.INT4: ("<i1", "int32_data"),
}


def numpy_dtype(code: int) -> np.dtype[np.generic] | None:
    """The NumPy dtype of an element type's number; ``None`` where there is none for us."""
    entry = _TYPES.get(code)
    return np.dtype(entry[0]) if entry else None


def type_name(code: int) -> str:
    """ONNX's name of an element type, in lower case."""
    try:
        return str(helper.tensor_dtype_to_string(code)).rpartition(".")[2].lower()
    except KeyError:
        return f"element type number {code}"


@dataclass(frozen=True, slots=True)
class TensorReader:
    """Reads the tensors of one file.

    Attributes:
        file: The model file's name, for messages.
        folder: Where external data lie; ``None`` where there is no file system behind the model.
    """

    file: str
    folder: Path | None

    def constant(self, tensor: TensorProto) -> Const:
        """A tensor as a constant; see :meth:`array`."""
        return Const(self.array(tensor), is_int4=tensor.data_type in _INT4)

    def array(self, tensor: TensorProto) -> Array:
        """The data of a tensor.

        Raises:
            ModelFileError: If shape and data contradict each other, or external data are missing.
            UnsupportedError: If the element type is none that can be read.
        """
        where = f"tensor '{one_line(tensor.name, 60)}'"
        entry = _TYPES.get(tensor.data_type) or _INT4.get(tensor.data_type)
        if entry is None:
            raise UnsupportedError(f"{where} is {type_name(tensor.data_type)}")
        dtype, shape = np.dtype(entry[0]), tuple(tensor.dims)
        if len(shape) > MAX_RANK or any(extent < 0 for extent in shape):
            raise self._damaged(where, f"shape {list(shape[:MAX_RANK])}")
        is_int4 = tensor.data_type in _INT4
        size_bytes = packed_bytes(prod(shape)) if is_int4 else prod(shape) * dtype.itemsize
        if size_bytes > MAX_TENSOR_BYTES:
            raise UnsupportedError(
                f"{where} has shape {list(shape)}: {size_bytes} bytes; allowed {MAX_TENSOR_BYTES}"
            )
        if tensor.data_location == _P.EXTERNAL:
            raw = self._external(tensor, where, size_bytes)
        elif tensor.HasField("raw_data"):
            raw = tensor.raw_data
        elif is_int4:
            raw = self._packed(tensor, where, size_bytes)
        else:
            return self._listed(tensor, where, dtype, shape, entry[1])
        if len(raw) != size_bytes:
            raise self._damaged(
                where,
                f"{len(raw)} bytes of data for shape {list(shape)}, which takes {size_bytes}",
            )
        if is_int4:
            signed = unpack_int4(np.frombuffer(raw, np.uint8), shape)
            return signed if dtype.kind == "i" else (signed & 15).astype(np.uint8)
        if dtype.kind == "b":
            # Any byte but 0 and 1 would be an invalid bool.
            truth: Array = np.frombuffer(raw, np.uint8).reshape(shape) != 0
            return truth
        return np.frombuffer(raw, dtype).reshape(shape)

    def _packed(self, tensor: TensorProto, where: str, size_bytes: int) -> bytes:
        """Elements of 4 bits that are listed: each number is a byte with two of them."""
        items = tensor.int32_data
        if len(items) != size_bytes or any(not -128 <= item <= 255 for item in items):
            raise self._damaged(where, f"{len(items)} numbers for {size_bytes} bytes")
        return bytes(item & 255 for item in items)

    def _listed(
        self,
        tensor: TensorProto,
        where: str,
        dtype: np.dtype[np.generic],
        shape: tuple[int, ...],
        field: str,
    ) -> Array:
        items = getattr(tensor, field)
        if len(items) != prod(shape):
            raise self._damaged(where, f"{len(items)} elements for shape {list(shape)}")
        numbers = np.array(items, {"f": "f8"}.get(dtype.kind, "i8" if dtype != "<u8" else "u8"))
        if field == "float_data":
            numbers = np.array(items, np.float32)
        if tensor.data_type == _P.FLOAT16:
            return numbers.astype(np.uint16).view(np.float16).reshape(shape)
        return numbers.astype(dtype).reshape(shape)

    def _external(self, tensor: TensorProto, where: str, size_bytes: int) -> bytes:
        fields = {entry.key: entry.value for entry in tensor.external_data}
        location = fields.get("location", "")
        path, shown = self._inside(location, where), one_line(location, 60)
        offset = self._number(fields.get("offset", "0"), where)
        length = self._number(fields.get("length", str(size_bytes)), where)
        if length != size_bytes:
            raise self._damaged(
                where, f"{length} bytes of external data; its shape takes {size_bytes}"
            )
        try:
            with path.open("rb") as file:
                file.seek(offset)
                data = file.read(length)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise self._damaged(where, f"external data '{shown}': {reason}") from error
        if len(data) != length:
            raise self._damaged(where, f"external data '{shown}' is too short")
        return data

    def _inside(self, location: str, where: str) -> Path:
        """The path of an external file, once it is known to lie inside the model's folder."""
        parts = PurePosixPath(location)
        shown = one_line(location, 60)
        if self.folder is None:
            raise self._damaged(where, f"external data '{shown}', but the model is no file")
        if not location or "\\" in location or "\0" in location or ":" in location:
            raise self._damaged(where, f"external data '{shown}' is no relative path")
        if parts.is_absolute() or ".." in parts.parts:
            raise self._damaged(where, f"external data '{shown}' is outside the model's folder")
        folder = self.folder.resolve()
        path = (folder / parts).resolve()
        if not path.is_relative_to(folder):
            raise self._damaged(where, f"external data '{shown}' is outside the model's folder")
        if path.exists() and not path.is_file():
            raise self._damaged(where, f"external data '{shown}' is no file")
        return path

    def _number(self, text: str, where: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise self._damaged(where, f"external data at '{one_line(text, 30)}'")
        return int(text)

    def _damaged(self, where: str, what: str) -> ModelFileError:
        return ModelFileError(f"{self.file}: {where}: {what}")
