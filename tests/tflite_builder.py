"""Writes .tflite files for tests, one tensor and one operator at a time.

    b = ModelBuilder()
    x = b.input("x", (1, 8, 8, 3), "int8", 0.5, -3)
    w = b.constant("w", weights, [0.1, 0.2], [0, 0], axis=0)
    y = b.tensor("y", (1, 8, 8, 2), "int8", 0.25, 4)
    b.operator("CONV_2D", [x, w, bias], [y], padding="SAME", stride_h=1, stride_w=1)
    b.output(y)
    data = b.build()

Nothing is checked: tests also write wrong files with it. An optional input is -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite

#: The options table of each operator that is not called like its operator.
OPTIONS = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "ADD": "AddOptions",
    "MUL": "MulOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "PAD": "PadOptions",
    "RESHAPE": "ReshapeOptions",
    "SOFTMAX": "SoftmaxOptions",
    "QUANTIZE": "QuantizeOptions",
    "DEQUANTIZE": "DequantizeOptions",
    "CONCATENATION": "ConcatenationOptions",
    "GELU": "GeluOptions",
    "WHILE": "WhileOptions",
    "TRANSPOSE": "TransposeOptions",
    "ABS": "AbsOptions",
    "ARG_MAX": "ArgMaxOptions",
    "ARG_MIN": "ArgMinOptions",
    "CAST": "CastOptions",
    "SUM": "ReducerOptions",
    "REDUCE_ALL": "ReducerOptions",
    "GATHER": "GatherOptions",
    "DIV": "DivOptions",
    "SHAPE": "ShapeOptions",
    "MIRROR_PAD": "MirrorPadOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "BATCH_TO_SPACE_ND": "BatchToSpaceNDOptions",
    "BROADCAST_TO": "BroadcastToOptions",
    "CUMSUM": "CumsumOptions",
    "DYNAMIC_UPDATE_SLICE": "DynamicUpdateSliceOptions",
    "GATHER_ND": "GatherNdOptions",
    "DEPTH_TO_SPACE": "DepthToSpaceOptions",
    "EXPAND_DIMS": "ExpandDimsOptions",
    "HARD_SWISH": "HardSwishOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "PACK": "PackOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "REVERSE_V2": "ReverseV2Options",
    "SLICE": "SliceOptions",
    "SPACE_TO_BATCH_ND": "SpaceToBatchNDOptions",
    "SPACE_TO_DEPTH": "SpaceToDepthOptions",
    "SPLIT": "SplitOptions",
    "SPLIT_V": "SplitVOptions",
    "SQUARED_DIFFERENCE": "SquaredDifferenceOptions",
    "SQUEEZE": "SqueezeOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SUB": "SubOptions",
    "TILE": "TileOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
    "UNPACK": "UnpackOptions",
    "SVDF": "SVDFOptions",
    "VAR_HANDLE": "VarHandleOptions",
    "READ_VARIABLE": "ReadVariableOptions",
    "ASSIGN_VARIABLE": "AssignVariableOptions",
    "CALL_ONCE": "CallOnceOptions",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
}
_ENUMS = {
    "padding": tflite.Padding,
    "fused_activation_function": tflite.ActivationFunctionType,
    "weights_format": tflite.FullyConnectedOptionsWeightsFormat,
}


@dataclass
class TensorSpec:
    name: str | None
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int
    buffer: int
    shape_signature: tuple[int, ...] | None
    is_variable: bool


@dataclass
class OperatorSpec:
    opcode: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options_type: str
    options: dict[str, Any]


@dataclass
class ModelBuilder:
    """`old_schema` writes operator codes as files before schema 3a do."""

    old_schema: bool = False
    extra_subgraphs: int = 0
    tensors: list[TensorSpec] = field(default_factory=list)
    buffers: list[bytes] = field(default_factory=lambda: [b""])
    opcodes: list[tuple[int, str | None]] = field(default_factory=list)
    operators: list[OperatorSpec] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    #: Behind the first one; see :meth:`another`.
    subgraphs: list[ModelBuilder] = field(default_factory=list)

    def another(self) -> ModelBuilder:
        """Adds a subgraph, which shares buffers and operator codes with the first one."""
        self.subgraphs.append(ModelBuilder(buffers=self.buffers, opcodes=self.opcodes))
        return self.subgraphs[-1]

    def tensor(
        self,
        name: str | None,
        shape: Sequence[int],
        dtype: str = "int8",
        scale: float | Sequence[float] | None = None,
        zero_point: int | Sequence[int] = 0,
        axis: int = 0,
        *,
        buffer: int = 0,
        shape_signature: Sequence[int] | None = None,
        is_variable: bool = False,
    ) -> int:
        """Adds a tensor and returns its index; one scale, several along `axis`, or none."""
        scales: tuple[float, ...] = ()
        zero_points: tuple[int, ...] = ()
        if scale is not None:
            scales = tuple(np.atleast_1d(np.asarray(scale, np.float64)).tolist())
            zero_points = tuple(np.atleast_1d(np.asarray(zero_point, np.int64)).tolist())
        signature = None if shape_signature is None else tuple(shape_signature)
        self.tensors.append(
            TensorSpec(
                name,
                tuple(shape),
                dtype,
                scales,
                zero_points,
                axis,
                buffer,
                signature,
                is_variable,
            )
        )
        return len(self.tensors) - 1

    def input(
        self,
        name: str | None,
        shape: Sequence[int],
        dtype: str = "int8",
        scale: float | Sequence[float] | None = None,
        zero_point: int | Sequence[int] = 0,
        **more: Any,
    ) -> int:
        """Adds a tensor that is an input of the model."""
        self.inputs.append(self.tensor(name, shape, dtype, scale, zero_point, **more))
        return self.inputs[-1]

    def constant(
        self,
        name: str | None,
        array: np.ndarray,
        scales: float | Sequence[float] | None = None,
        zero_points: int | Sequence[int] = 0,
        axis: int = 0,
        *,
        is_int4: bool = False,
    ) -> int:
        """Adds a tensor with data; of int4, two elements share a byte."""
        data = np.ascontiguousarray(array)
        if is_int4:
            halves = np.append(data.reshape(-1), [0] * (data.size % 2)).astype(np.uint8) % 16
            data = halves[::2] + 16 * halves[1::2]
        self.buffers.append(data.astype(np.uint8).tobytes() if is_int4 else data.tobytes())
        return self.tensor(
            name,
            array.shape,
            "int4" if is_int4 else array.dtype.name,
            scales,
            zero_points,
            axis,
            buffer=len(self.buffers) - 1,
        )

    def operator(
        self,
        builtin: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        *,
        custom_code: str | None = None,
        options_type: str | None = None,
        **options: Any,
    ) -> None:
        """Adds an operator; options are the schema's fields in snake case.

        Args:
            builtin: Name of the schema's operator; ``CUSTOM`` with a `custom_code`.
            inputs: Tensor indices; -1 for an absent optional one.
            outputs: Tensor indices.
            custom_code: Name of a custom operator.
            options_type: The options table, where it is not the operator's own.
            options: ``padding="SAME"``, ``activation="RELU"`` (short for
                ``fused_activation_function``), ``stride_h=2``, ``axis=3`` ...
        """
        if "activation" in options:
            options["fused_activation_function"] = options.pop("activation")
        code = (getattr(tflite.BuiltinOperator, builtin), custom_code)
        if code not in self.opcodes:
            self.opcodes.append(code)
        self.operators.append(
            OperatorSpec(
                self.opcodes.index(code),
                tuple(inputs),
                tuple(outputs),
                options_type or OPTIONS.get(builtin, "NONE"),
                options,
            )
        )

    def output(self, *tensors: int) -> None:
        """Makes tensors outputs of the model."""
        self.outputs.extend(tensors)

    def build(self) -> bytes:
        """The file."""
        return _Writer().model(self)


class _Writer:
    def __init__(self) -> None:
        self.b = flatbuffers.Builder(1024)

    def model(self, spec: ModelBuilder) -> bytes:
        b = self.b
        buffers = self.tables([self.buffer(data) for data in spec.buffers])
        codes = self.tables([self.opcode(*code, old=spec.old_schema) for code in spec.opcodes])
        subgraphs = [self.subgraph(spec)]
        subgraphs += [self.subgraph(ModelBuilder()) for _ in range(spec.extra_subgraphs)]
        subgraphs += [self.subgraph(each) for each in spec.subgraphs]
        graphs = self.tables(subgraphs)
        description = b.CreateString("made by tests")
        tflite.ModelStart(b)
        tflite.ModelAddVersion(b, 3)
        tflite.ModelAddOperatorCodes(b, codes)
        tflite.ModelAddSubgraphs(b, graphs)
        tflite.ModelAddDescription(b, description)
        tflite.ModelAddBuffers(b, buffers)
        b.Finish(tflite.ModelEnd(b), b"TFL3")
        return bytes(b.Output())

    def tables(self, offsets: list[int]) -> int:
        self.b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.b.PrependUOffsetTRelative(offset)
        return self.b.EndVector()

    def vector(self, values: Sequence[float], dtype: type[np.generic]) -> int:
        if len(values) == 0:
            self.b.StartVector(np.dtype(dtype).itemsize, 0, np.dtype(dtype).itemsize)
            return self.b.EndVector()
        return self.b.CreateNumpyVector(np.asarray(values, dtype))

    def buffer(self, data: bytes) -> int:
        vector = None
        if data:
            # Data of tensors is 16-byte aligned, as the TensorFlow converter writes it.
            self.b.StartVector(1, len(data), 16)
            self.b.head = self.b.Head() - len(data)
            self.b.Bytes[self.b.Head() : self.b.Head() + len(data)] = data
            vector = self.b.EndVector()
        tflite.BufferStart(self.b)
        if vector is not None:
            tflite.BufferAddData(self.b, vector)
        return tflite.BufferEnd(self.b)

    def opcode(self, builtin: int, custom: str | None, *, old: bool) -> int:
        name = self.b.CreateString(custom) if custom is not None else None
        tflite.OperatorCodeStart(self.b)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(self.b, min(builtin, 127))
        if not old:
            tflite.OperatorCodeAddBuiltinCode(self.b, builtin)
        if name is not None:
            tflite.OperatorCodeAddCustomCode(self.b, name)
        tflite.OperatorCodeAddVersion(self.b, 1)
        return tflite.OperatorCodeEnd(self.b)

    def subgraph(self, spec: ModelBuilder) -> int:
        tensors = self.tables([self.tensor(t) for t in spec.tensors])
        operators = self.tables([self.operator(o) for o in spec.operators])
        inputs = self.vector(spec.inputs, np.int32)
        outputs = self.vector(spec.outputs, np.int32)
        name = self.b.CreateString("main")
        tflite.SubGraphStart(self.b)
        tflite.SubGraphAddTensors(self.b, tensors)
        tflite.SubGraphAddInputs(self.b, inputs)
        tflite.SubGraphAddOutputs(self.b, outputs)
        tflite.SubGraphAddOperators(self.b, operators)
        tflite.SubGraphAddName(self.b, name)
        return tflite.SubGraphEnd(self.b)

    def tensor(self, spec: TensorSpec) -> int:
        shape = self.vector(spec.shape, np.int32)
        name = self.b.CreateString(spec.name) if spec.name is not None else None
        quantization = self.quantization(spec) if spec.scales else None
        signature = None
        if spec.shape_signature is not None:
            signature = self.vector(spec.shape_signature, np.int32)
        tflite.TensorStart(self.b)
        tflite.TensorAddShape(self.b, shape)
        tflite.TensorAddType(self.b, getattr(tflite.TensorType, spec.dtype.upper()))
        tflite.TensorAddBuffer(self.b, spec.buffer)
        if name is not None:
            tflite.TensorAddName(self.b, name)
        if quantization is not None:
            tflite.TensorAddQuantization(self.b, quantization)
        tflite.TensorAddIsVariable(self.b, spec.is_variable)
        if signature is not None:
            tflite.TensorAddShapeSignature(self.b, signature)
        return tflite.TensorEnd(self.b)

    def quantization(self, spec: TensorSpec) -> int:
        scales = self.vector(spec.scales, np.float32)
        zero_points = self.vector(spec.zero_points, np.int64)
        tflite.QuantizationParametersStart(self.b)
        tflite.QuantizationParametersAddScale(self.b, scales)
        tflite.QuantizationParametersAddZeroPoint(self.b, zero_points)
        tflite.QuantizationParametersAddQuantizedDimension(self.b, spec.axis)
        return tflite.QuantizationParametersEnd(self.b)

    def operator(self, spec: OperatorSpec) -> int:
        inputs = self.vector(spec.inputs, np.int32)
        outputs = self.vector(spec.outputs, np.int32)
        kind = getattr(tflite.BuiltinOptions, spec.options_type)
        options = self.options(spec.options_type, spec.options) if kind else None
        tflite.OperatorStart(self.b)
        tflite.OperatorAddOpcodeIndex(self.b, spec.opcode)
        tflite.OperatorAddInputs(self.b, inputs)
        tflite.OperatorAddOutputs(self.b, outputs)
        if options is not None:
            tflite.OperatorAddBuiltinOptionsType(self.b, kind)
            tflite.OperatorAddBuiltinOptions(self.b, options)
        return tflite.OperatorEnd(self.b)

    def options(self, table: str, options: dict[str, Any]) -> int:
        values = {}
        for name, value in options.items():
            if name in ("container", "shared_name"):
                values[name] = self.b.CreateString(value)
            elif isinstance(value, str):
                values[name] = getattr(_ENUMS[name], value)
            elif isinstance(value, (list, tuple)):
                values[name] = self.vector(value, np.int32)
            else:
                values[name] = value
        getattr(tflite, f"{table}Start")(self.b)
        for name, value in values.items():
            camel = "".join(part.capitalize() for part in name.split("_"))
            getattr(tflite, f"{table}Add{camel}")(self.b, value)
        return getattr(tflite, f"{table}End")(self.b)
