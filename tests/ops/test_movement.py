"""Operators that move elements: TensorFlow Lite Micro, reference, loops and access order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.one_op import i32, one_op
from tests.ops.single_op import data, seeds
from tests.ops_support import check_lowering, check_model, layer_graph
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import ModelFileError, UnsupportedError
from tinycc_ml.graph import TensorType
from tinycc_ml.ops import evaluate, op
from tinycc_ml.ops.movement import StridedView
from tinycc_ml.ops.slice import SliceAttrs
from tinycc_ml.ops.tile import TileAttrs
from tinycc_ml.ops.transpose import TransposeAttrs

Q = (0.5, 3)
extents = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)


def moved(builtin, shape, parameters, output, seed=1, **options):
    """One input first, parameters behind it, one output."""
    model = one_op(builtin, [(shape, Q), *parameters], [(output, Q)], **options)
    check_model(model, data(seed, shape))
    return layer_graph(model)


@settings(max_examples=30)
@given(shape=extents, seed=seeds, draw=st.data())
def test_transpose(shape, seed, draw):
    permutation = draw.draw(st.permutations(range(len(shape))))
    moved("TRANSPOSE", shape, [i32(*permutation)], tuple(shape[i] for i in permutation), seed)


def test_a_transpose_of_short_dimensions_is_a_view():
    graph = moved("TRANSPOSE", (1, 8, 1, 3), [i32(0, 2, 1, 3)], (1, 1, 8, 3))
    assert [layer.workload.op for layer in graph.layers] == ["reshape"]


@settings(max_examples=20)
@given(shape=extents, seed=seeds)
def test_strided_slice(shape, seed):
    random = np.random.default_rng(seed)
    begin, end, stride, size = [], [], [], []
    for extent in shape:
        while True:
            first, last = random.integers(-extent - 1, extent + 2, 2).tolist()
            step = int(random.choice([1, 1, 2, 3, -1, -2]))
            taken = range(extent)[first:last:step]
            if len(taken):
                break
        begin.append(first)
        end.append(last)
        stride.append(step)
        size.append(len(taken))
    parameters = [i32(*begin), i32(*end), i32(*stride)]
    moved("STRIDED_SLICE", shape, parameters, tuple(size), seed)


def test_strided_slice_with_masks():
    parameters = [i32(7, 1, -1), i32(7, 2, 0), i32(-1, 1, 1)]
    moved(
        "STRIDED_SLICE", (3, 4, 5), parameters, (3, 1), begin_mask=1, end_mask=1, shrink_axis_mask=4
    )


def test_slice_to_the_end():
    moved("SLICE", (3, 4, 5), [i32(1, 0, 2), i32(1, -1, -1)], (1, 4, 3))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_split(axis):
    shape = (4, 6, 2)
    sizes = list(shape)
    sizes[axis] //= 2
    outputs = [(tuple(sizes), Q)] * 2
    model = one_op("SPLIT", [i32(axis), (shape, Q)], outputs, num_splits=2)
    check_model(model, data(1, shape))


@pytest.mark.parametrize("sizes", [(1, 2, 3), (2, -1, 1)])
def test_split_v(sizes):
    shape = (2, 6)
    widths = [6 - 3 if s == -1 else s for s in sizes]
    outputs = [((2, w), Q) for w in widths]
    model = one_op("SPLIT_V", [(shape, Q), i32(*sizes), i32(-1)], outputs, num_splits=3)
    check_model(model, data(1, shape))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_unpack_and_pack(axis):
    shape = (3, 2, 4)
    rest = tuple(e for i, e in enumerate(shape) if i != axis % 3)
    model = one_op("UNPACK", [(shape, Q)], [(rest, Q)] * shape[axis], num=shape[axis], axis=axis)
    check_model(model, data(1, shape))
    operands = [(rest, Q)] * shape[axis]
    model = one_op("PACK", operands, [(shape, Q)], values_count=shape[axis], axis=axis)
    check_model(model, *(data(i, rest) for i in range(shape[axis])))


@pytest.mark.parametrize(
    ("builtin", "shape", "parameters", "output", "options"),
    [
        ("EXPAND_DIMS", (2, 3), [i32(1)], (2, 1, 3), {}),
        ("SQUEEZE", (1, 3, 1, 2), [], (3, 2), {"squeeze_dims": [0, 2]}),
        ("BROADCAST_TO", (3, 1), [i32(2, 3, 4)], (2, 3, 4), {}),
        ("REVERSE_V2", (2, 3, 4), [i32(1)], (2, 3, 4), {}),
        ("DEPTH_TO_SPACE", (1, 2, 3, 8), [], (1, 4, 6, 2), {"block_size": 2}),
        ("SPACE_TO_DEPTH", (2, 4, 6, 3), [], (2, 2, 3, 12), {"block_size": 2}),
        ("SPACE_TO_BATCH_ND", (1, 4, 5, 2), [i32(2, 3), i32(1, 1, 0, 1).reshape(2, 2)],
         (6, 3, 2, 2), {}),
        ("BATCH_TO_SPACE_ND", (6, 3, 2, 2), [i32(2, 3), i32(1, 1, 0, 1).reshape(2, 2)],
         (1, 4, 5, 2), {}),
        ("SPACE_TO_BATCH_ND", (2, 4, 3), [i32(2), i32(0, 2).reshape(1, 2)], (4, 3, 3), {}),
        ("BATCH_TO_SPACE_ND", (4, 3, 3), [i32(2), i32(0, 2).reshape(1, 2)], (2, 4, 3), {}),
    ],
)  # fmt: skip
def test_operators_that_are_made_of_others(builtin, shape, parameters, output, options):
    moved(builtin, shape, parameters, output, **options)


@given(shape=extents, draw=st.data())
@settings(max_examples=20)
def test_tile(shape, draw):
    # TensorFlow Lite Micro has no TILE: NumPy is the oracle.
    repeats = tuple(draw.draw(st.integers(1, 3)) for _ in shape)
    output = tuple(r * e for r, e in zip(repeats, shape, strict=True))
    model = one_op("TILE", [(shape, Q), i32(*repeats)], [(output, Q)])
    graph, x = layer_graph(model), data(1, shape)
    values = evaluate(graph, [x])
    assert np.array_equal(values[graph.outputs[0]], np.tile(x, repeats))
    check_lowering(graph.layers[0], values)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float32"])
def test_other_types(dtype):
    x = np.random.default_rng(1).integers(0, 2, (2, 3, 4)).astype(dtype)
    for builtin, parameter, output in (
        ("TRANSPOSE", i32(2, 0, 1), (4, 2, 3)),
        ("REVERSE_V2", i32(1), (2, 3, 4)),
        ("TILE", i32(1, 2, 3), (2, 6, 12)),
        ("GATHER", i32(1, 1, 0), (3, 3, 4)),
    ):
        graph = layer_graph(
            one_op(builtin, [((2, 3, 4), None), parameter], [(output, None)], dtype)
        )
        values = evaluate(graph, [x])
        expected = {
            "TRANSPOSE": x.transpose(2, 0, 1),
            "REVERSE_V2": x[:, ::-1],
            "TILE": np.tile(x, (1, 2, 3)),
            "GATHER": x[[1, 1, 0]],
        }[builtin]
        assert np.array_equal(values[graph.outputs[0]], expected)
        check_lowering(graph.layers[0], values)


def test_loops_join_where_strides_allow_it():
    assert StridedView((2, 3, 4), (12, 4, 1)).merged() == StridedView((24,), (1,))
    assert StridedView((2, 1, 3), (3, 9, 1), 5).merged() == StridedView((6,), (1,), 5)
    assert StridedView((4, 2, 3), (1, 12, 4)).merged() == StridedView((4, 6), (1, 4))
    assert StridedView((1, 1), (7, 7)).merged() == StridedView((), ())


@pytest.mark.parametrize(
    ("name", "attrs"),
    [
        ("transpose", TransposeAttrs((0, 0))),
        ("transpose", TransposeAttrs((0,))),
        ("slice", SliceAttrs((0, 0), (2, 4), (1, 1))),
        ("slice", SliceAttrs((0, -1), (2, 1), (1, 1))),
        ("slice", SliceAttrs((0, 0), (2, 0), (1, 1))),
        ("slice", SliceAttrs((1, 0), (2, 1), (-2, 1))),
        ("slice", SliceAttrs((0,), (2,), (1,))),
        ("tile", TileAttrs((1,))),
        ("tile", TileAttrs((1, 0))),
    ],
)
def test_attributes_that_do_not_fit(name, attrs):
    with pytest.raises(UnsupportedError):
        op(name).infer(attrs, [TensorType((2, 3), DType.INT8)])


@pytest.mark.parametrize(
    ("builtin", "operands", "outputs", "options", "what"),
    [
        ("TRANSPOSE", [((2, 3), Q), i32(0, 0)], [(2, 3)], {}, "permutation [0, 0]"),
        ("SLICE", [((2, 3), Q), i32(0), i32(1)], [(1, 3)], {}, "begin and size"),
        ("STRIDED_SLICE", [((2,), Q), i32(0), i32(1), i32(0)], [(1,)], {}, "do not fit"),
        ("SPLIT", [i32(0), ((3,), Q)], [(1,), (1,)], {"num_splits": 2}, "3 elements in 2 parts"),
        ("UNPACK", [((3,), Q)], [(), ()], {"num": 2}, "2 outputs for 3"),
        ("BROADCAST_TO", [((3,), Q), i32(2)], [(2,)], {}, "broadcast to"),
        ("DEPTH_TO_SPACE", [((1, 1, 1, 3), Q)], [(1, 2, 2, 1)], {"block_size": 2}, "blocks of 2x2"),
        ("SPACE_TO_DEPTH", [((1, 1, 1, 3), Q)], [(1, 1, 1, 12)], {"block_size": 2}, "1x1 pixels"),
        ("SPACE_TO_DEPTH", [((1, 1, 1, 3), Q)], [(1, 1, 1, 12)], {}, "block_size is 0"),
        ("SPACE_TO_BATCH_ND", [((1, 3, 1), Q), i32(2), i32(0, 0)], [(2, 1, 1)], {}, "in blocks"),
        ("BATCH_TO_SPACE_ND", [((1, 3, 1), Q), i32(2), i32(0, 0)], [(1, 6, 1)], {}, "batch 1"),
        ("BATCH_TO_SPACE_ND", [((1, 3, 1), Q), i32(0), i32(0, 0)], [(1, 6, 1)], {}, "block shape"),
    ],
)
def test_contradictions_are_damage(builtin, operands, outputs, options, what):
    model = one_op(builtin, operands, [(shape, Q) for shape in outputs], **options)
    with pytest.raises(ModelFileError) as error:
        layer_graph(model)
    assert what in str(error.value)


def test_a_new_axis_is_refused():
    model = one_op(
        "STRIDED_SLICE", [((2,), Q), i32(0), i32(2), i32(1)], [((1, 2), Q)], new_axis_mask=1
    )
    with pytest.raises(UnsupportedError, match="an ellipsis or a new axis"):
        layer_graph(model)


def test_another_quantization_is_refused():
    model = one_op("TRANSPOSE", [((2, 3), Q), i32(1, 0)], [((3, 2), (0.5, 4))])
    with pytest.raises(UnsupportedError, match="quantized alike"):
        layer_graph(model)
