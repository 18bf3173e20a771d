"""A quantized graph as an ONNX file in QDQ form.

Operators are float operators between QuantizeLinear and DequantizeLinear, the form that ONNX
Runtime and other tools take; our own importer makes the same integer operators of it.
"""

from __future__ import annotations

from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from tinycc_ml import __version__
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.exporters.onnx_rows import ROWS
from tinycc_ml.exporters.onnx_writer import OnnxWriter
from tinycc_ml.graph import Graph

#: Operator set and IR version: those with HardSwish, and those with integers of 4 bits.
_PLAIN, _WITH_INT4 = (14, 8), (21, 10)

_TYPES = {DType.FLOAT32: TensorProto.FLOAT, DType.INT8: TensorProto.INT8}


def export_onnx(graph: Graph) -> bytes:
    """The content of an ONNX file for a graph, the same for the same graph.

    Raises:
        UnsupportedError: If it holds operators, or types of inputs and outputs, that are not
            written; names all of them.
    """
    missing = sorted({node.op for node in graph.nodes if node.op not in ROWS})
    if missing or graph.states:
        what = ", ".join(missing) or "state"
        raise UnsupportedError(f"{graph.name}: {what} cannot be written as ONNX")
    has_int4 = any(type_.dtype is DType.INT4 for type_ in graph.types.values())
    opset, ir_version = _WITH_INT4 if has_int4 else _PLAIN
    writer = OnnxWriter(graph, opset)
    inputs = [_input(writer, name) for name in graph.inputs]
    for node in graph.nodes:
        ROWS[node.op](writer, node)
    outputs = [_output(writer, name) for name in graph.outputs]
    body = helper.make_graph(writer.nodes, graph.name, inputs, outputs, writer.tensors)
    model: ModelProto = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=ir_version,
        producer_name="tinycc-ml",
        producer_version=__version__,
    )
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _input(writer: OnnxWriter, name: str) -> ValueInfoProto:
    type_ = writer.graph.types[name]
    given = writer.name(name)
    if type_.quant is None:
        writer.plain_names[name] = given
    else:
        writer.plain_names[name] = writer.dequantized(given, type_.quant, type_.dtype)
    return _info(writer, name, given)


def _output(writer: OnnxWriter, name: str) -> ValueInfoProto:
    is_integer = writer.graph.types[name].quant is not None
    made = writer.integer_names[name] if is_integer else writer.plain(name)
    return _info(writer, name, made)


def _info(writer: OnnxWriter, name: str, written: str) -> ValueInfoProto:
    type_ = writer.graph.types[name]
    if type_.dtype not in _TYPES:
        raise UnsupportedError(f"{name} is {type_.dtype.value}; ONNX files take float32 and int8")
    return helper.make_tensor_value_info(written, _TYPES[type_.dtype], type_.shape)
