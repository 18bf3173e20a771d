"""Functions of two operands, choices, conversions, and what looks for extremes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.ops.one_op import i32, one_op
from tests.ops.single_op import Case, data, quants, scales, seeds, tensor, zero_points
from tests.ops.test_add_mul import broadcast_pairs
from tests.ops_support import check_lowering, check_model, layer_graph
from tests.tflite_builder import ModelBuilder
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import OpAttrs, TensorType
from tinycc_ml.ops import evaluate, op
from tinycc_ml.ops.arg_extreme import ArgExtremeAttrs
from tinycc_ml.ops.binary import FUNCTIONS
from tinycc_ml.ops.gather import GatherAttrs
from tinycc_ml.ops.integers import FUNCTIONS as INTEGER_FUNCTIONS

COMPARISONS = ["EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"]
Q = (0.5, 3)
#: The library stops at scales from 1.
below_one = st.tuples(scales(-10, -1), zero_points)


def model_of(builtin, operands, output, **options):
    """Operands and output are (shape, dtype, quant); all operands are inputs."""
    b = ModelBuilder()
    names = [
        b.input(f"x{i}", shape, dtype, *(quant or ()))
        for i, (shape, dtype, quant) in enumerate(operands)
    ]
    y = b.tensor("y", output[0], output[1], *(output[2] or ()))
    b.operator(builtin, names, [y], **options)
    b.output(y)
    return b.build()


def values_of(seed, shape, dtype):
    random = np.random.default_rng(seed)
    if dtype == "float32":
        return (random.normal(size=shape) * 3).round(1).astype(np.float32)
    if dtype == "bool":
        return random.random(shape) < 0.5
    return random.integers(-4, 5, shape).astype(dtype)


@pytest.mark.parametrize("builtin", COMPARISONS)
@settings(max_examples=12)
@given(pair=broadcast_pairs(), q=st.tuples(below_one, below_one), seed=seeds)
def test_comparisons_of_int8(builtin, pair, q, seed):
    # The library compares in up to four dimensions.
    pair = [shape[-4:] for shape in pair]
    shape = np.broadcast_shapes(*pair)
    operands = [(s, "int8", quant) for s, quant in zip(pair, q, strict=True)]
    model = model_of(builtin, operands, (shape, "bool", None))
    check_model(model, data(seed, pair[0]), data(seed + 1, pair[1]))


@pytest.mark.parametrize("dtype", ["int32", "float32", "bool"])
@pytest.mark.parametrize("builtin", COMPARISONS)
def test_comparisons_of_other_types(builtin, dtype):
    shapes = [(2, 3), (3,)]
    model = model_of(builtin, [(s, dtype, None) for s in shapes], ((2, 3), "bool", None))
    x, y = (values_of(i, s, dtype) for i, s in enumerate(shapes))
    if dtype == "bool" and builtin not in ("EQUAL", "NOT_EQUAL"):
        with pytest.raises(UnsupportedError):
            layer_graph(model)
    else:
        check_model(model, x, y)


@pytest.mark.parametrize("dtype", ["int8", "int32", "float32"])
@pytest.mark.parametrize("builtin", ["MAXIMUM", "MINIMUM"])
def test_extremes_of_two(builtin, dtype):
    quant = Q if dtype == "int8" else None
    shapes = [(2, 1, 3), (4, 3)]
    model = model_of(builtin, [(s, dtype, quant) for s in shapes], ((2, 4, 3), dtype, quant))
    check_model(model, *(values_of(i, s, dtype) for i, s in enumerate(shapes)))


@pytest.mark.parametrize("builtin", ["LOGICAL_AND", "LOGICAL_OR"])
def test_logic(builtin):
    model = model_of(builtin, [((4, 5), "bool", None)] * 2, ((4, 5), "bool", None))
    check_model(model, values_of(1, (4, 5), "bool"), values_of(2, (4, 5), "bool"))


def test_negation():
    model = model_of("LOGICAL_NOT", [((9,), "bool", None)], ((9,), "bool", None))
    check_model(model, values_of(1, (9,), "bool"))


@pytest.mark.parametrize("builtin", ["FLOOR_DIV", "FLOOR_MOD"])
def test_divisions_with_floor(builtin):
    model = model_of(builtin, [((50,), "float32", None)] * 2, ((50,), "float32", None))
    x, y = values_of(1, (50,), "float32"), values_of(2, (50,), "float32")
    check_model(model, x, np.where(y == 0, np.float32(1), y))


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
def test_loops_are_the_reference(function):
    dtype = function.dtypes[-1]
    types = [tensor((2, 3, 4), None, dtype), tensor((3, 1), None, dtype)]
    result = (function.result or DType(dtype)).value
    case = Case("", function.name, types, tensor((2, 3, 4), None, result))
    graph = case.integers()
    x, y = values_of(1, (2, 3, 4), dtype), values_of(2, (3, 1), dtype)
    values = evaluate(graph, [x, y])
    check_lowering(graph.layers[0], values)


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("pow", np.power), ("atan2", np.arctan2), ("fmod", np.fmod),
        ("logical_xor", np.logical_xor),
    ],
)  # fmt: skip
def test_functions_that_only_onnx_has(name, meaning):
    dtype = "bool" if name == "logical_xor" else "float32"
    x = tensor((40,), None, dtype)
    case = Case("", name, [x, x], x)
    arrays = np.abs(values_of(1, (40,), "float32")) + 1, values_of(2, (40,), "float32")
    arrays = [a.astype(dtype) for a in arrays]
    expected = meaning(*(a if dtype == "bool" else a.astype(np.float64) for a in arrays))
    np.testing.assert_allclose(case.reference(*arrays), expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
def test_select(dtype):
    quant = Q if dtype == "int8" else None
    shapes = [(3, 1), (2, 3, 4), (4,)]
    types = ["bool", dtype, dtype]
    operands = [(s, t, None if t == "bool" else quant) for s, t in zip(shapes, types, strict=True)]
    model = model_of("SELECT_V2", operands, ((2, 3, 4), dtype, quant))
    arrays = [values_of(i, s, t) for i, (s, t) in enumerate(zip(shapes, types, strict=True))]
    check_model(model, *arrays)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("int8", "float32"), ("int8", "int32"), ("int32", "float32"), ("float32", "int32"),
        ("float32", "int8"), ("int16", "int32"), ("int8", "int8"), ("float32", "bool"),
        ("int32", "int8"), ("int32", "int16"),
    ],
)  # fmt: skip
def test_cast(source, target):
    model = model_of("CAST", [((20,), source, None)], ((20,), target, None))
    x = values_of(3, (20,), source)
    graph = layer_graph(model)
    values = evaluate(graph, [x])
    assert np.array_equal(values[graph.outputs[0]], x.astype(target))
    check_lowering(graph.layers[0], values)
    if target != "bool":
        check_model(model, x)


def test_cast_of_what_does_not_fit():
    x = np.array([1e10, -1e10, np.nan, np.inf, 300, -0.9], np.float32)
    for target, expected in (
        ("int32", [2147483520, -(2**31), 0, 2147483520, 300, 0]),
        ("int8", [127, -128, 0, 127, 127, 0]),
    ):
        graph = layer_graph(model_of("CAST", [((6,), "float32", None)], ((6,), target, None)))
        values = evaluate(graph, [x])
        assert values[graph.outputs[0]].tolist() == expected
        check_lowering(graph.layers[0], values)


_INTEGERS = [f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")]


@pytest.mark.parametrize("source", [*_INTEGERS, "float32"])
def test_cast_to_any_integer(source):
    for target in _INTEGERS:
        case = Case("", "cast", [tensor((6,), None, source)], tensor((6,), None, target))
        graph = case.integers()
        if source == "float32":
            x = np.array([-(2.0**70), -3.9, 0, 100.7, 2.0**31, 2.0**70], source)
            limits = np.iinfo(target)
            expected = [min(max(int(value), limits.min), limits.max) for value in x.tolist()]
        else:
            limits = np.iinfo(source)
            x = np.array([limits.min, limits.max, 1, 100, limits.max // 3, limits.max - 1], source)
            expected = x.astype(target).tolist()
        values = evaluate(graph, [x])
        found = values[graph.outputs[0]].tolist()
        # The largest integers are no floats.
        np.testing.assert_allclose(found, expected, rtol=0 if source != "float32" else 1e-7)
        check_lowering(graph.layers[0], values)


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("builtin", ["ARG_MAX", "ARG_MIN"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_arg_extreme(builtin, axis, dtype):
    shape = (3, 4, 5)
    output = tuple(e for i, e in enumerate(shape) if i != axis % 3)
    b = ModelBuilder()
    x = b.input("x", shape, dtype, *(Q if dtype == "int8" else ()))
    y = b.tensor("y", output, "int32")
    b.operator(builtin, [x, b.constant("axis", np.array(axis, np.int32))], [y], output_type=2)
    b.output(y)
    check_model(b.build(), values_of(7, shape, dtype))


def test_the_last_of_several():
    case = Case(
        "",
        "arg_max",
        [tensor((1, 4))],
        tensor((1, 1), None, "int32"),
        ArgExtremeAttrs(1, True, True),
    )
    graph = case.integers()
    values = evaluate(graph, [np.array([[1, 5, 5, 2]], np.int8)])
    assert values["y"].tolist() == [[2]]
    check_lowering(graph.layers[0], values)


@settings(max_examples=20)
@given(
    shape=st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple),
    q=st.tuples(quants, quants),
    keep_dims=st.booleans(),
    seed=seeds,
    draw=st.data(),
)
def test_sum(shape, q, keep_dims, seed, draw):
    axes = draw.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape) - 1))
    output = tuple(1 if i in axes else e for i, e in enumerate(shape) if keep_dims or i not in axes)
    model = one_op("SUM", [(shape, q[0]), i32(*axes)], [(output, q[1])], keep_dims=keep_dims)
    try:
        layer_graph(model)
    except UnsupportedError:
        assume(False)
    check_model(model, data(seed, shape))


def test_sum_of_floats():
    model = one_op("SUM", [((3, 4, 2), None), i32(1)], [((3, 2), None)], "float32")
    check_model(model, values_of(1, (3, 4, 2), "float32"))


def test_all_are_true():
    b = ModelBuilder()
    x = b.input("x", (6, 2), "bool")
    y = b.tensor("y", (6,), "bool")
    b.operator("REDUCE_ALL", [x, b.constant("axes", i32(1))], [y], keep_dims=False)
    b.output(y)
    check_model(b.build(), values_of(1, (6, 2), "bool"))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_gather(axis):
    shape, indices = (3, 4, 5), np.array([[2, 0], [1, -7], [9, 1]], np.int32)
    output = (*shape[:axis], 3, 2, *shape[axis + 1 :])
    types = [tensor(shape, Q), tensor((3, 2), None, "int32")]
    case = Case("", "gather", types, tensor(output, Q), GatherAttrs(axis))
    graph, x = case.integers(), data(1, shape)
    values = evaluate(graph, [x, indices])
    assert np.array_equal(values["y"], x.take(indices.clip(0, shape[axis] - 1), axis))
    check_lowering(graph.layers[0], values)


def test_refusals():
    x, y = TensorType((2, 3), DType.INT8), TensorType((2,), DType.INT8)
    with pytest.raises(UnsupportedError, match="cannot be broadcast"):
        op("maximum").infer(op("maximum").attrs_type(), [x, y])
    with pytest.raises(UnsupportedError, match="axis 2"):
        op("gather").infer(GatherAttrs(2), [x, y])
    case = Case("", "maximum", [tensor((2,), Q), tensor((2,), (0.25, 3))], tensor((2,), Q))
    assert "quantized alike" in case.problem()
    case = Case("", "less", [tensor((2,), Q), tensor((2,), (2.0, 3))], tensor((2,), None, "bool"))
    assert "stops there" in case.problem()


PLAIN = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


def plain_values(seed, shape, dtype):
    """Integers with a few equal ones and the limits of the type among them."""
    limits = np.iinfo(dtype)
    numbers = values_of(seed, shape, "int32").astype(dtype).reshape(-1)
    numbers[:2] = limits.min, limits.max
    return np.random.default_rng(seed).permutation(numbers).reshape(shape)


def _shifted(x, y, left):
    """By exact integers; arrays of objects do not wrap."""
    x, y = np.broadcast_arrays(x.astype(object), y.astype(object))
    bits = [min(n, 64) if n >= 0 else 64 for n in y.ravel().tolist()]
    pairs = zip(x.ravel().tolist(), bits, strict=True)
    return np.array([a << n if left else a >> n for a, n in pairs], object).reshape(x.shape)


def _quotient(x, y):
    exact = [
        0 if d == 0 else abs(n) // abs(d) * (1 if (n < 0) == (d < 0) else -1)
        for n, d in zip(*(a.ravel().tolist() for a in np.broadcast_arrays(x, y)), strict=True)
    ]
    return np.array(exact, object).reshape(np.broadcast_shapes(x.shape, y.shape))


def check_plain(name, dtype, result=None, attrs=None):
    shapes = [(3, 4), (4,)]
    case = Case(
        "",
        name,
        [tensor(shape, None, dtype) for shape in shapes],
        tensor((3, 4), None, result or dtype),
        attrs or OpAttrs(),
    )
    graph = case.integers()
    operands = [plain_values(i, shape, dtype) for i, shape in enumerate(shapes)]
    values = evaluate(graph, operands)
    check_lowering(graph.layers[0], values)
    return (*operands, values["y"])


@pytest.mark.parametrize("dtype", PLAIN)
def test_comparisons_and_extremes_of_integers_without_quantization(dtype):
    for name, function in (("less_equal", np.less_equal), ("equal", np.equal)):
        x, y, result = check_plain(name, dtype, "bool")
        assert np.array_equal(result, function(x, y))
    x, y, result = check_plain("maximum", dtype)
    assert np.array_equal(result, np.maximum(x, y))


def test_places_as_int64():
    case = Case(
        "", "arg_min", [tensor((2, 3))], tensor((2,), None, "int64"), ArgExtremeAttrs(1, False)
    )
    graph = case.integers()
    values = evaluate(graph, [np.array([[1, 5, 0], [2, 2, 3]], np.int8)])
    assert values["y"].dtype == np.int64
    assert values["y"].tolist() == [2, 0]
    check_lowering(graph.layers[0], values)


#: The exact result of each operator, before it is taken modulo 2^n.
EXACT = {
    "integer_add": lambda x, y: x.astype(object) + y.astype(object),
    "integer_sub": lambda x, y: x.astype(object) - y.astype(object),
    "integer_mul": lambda x, y: x.astype(object) * y.astype(object),
    "integer_div": _quotient,
    "integer_fmod": lambda x, y: np.where(y == 0, 0, x.astype(object) - y * _quotient(x, y)),
    "integer_mod": lambda x, y: np.where(
        y == 0, 0, x.astype(object) % np.where(y == 0, 1, y).astype(object)
    ),
    "bit_and": lambda x, y: x.astype(object) & y.astype(object),
    "bit_or": lambda x, y: x.astype(object) | y.astype(object),
    "bit_xor": lambda x, y: x.astype(object) ^ y.astype(object),
    "shift_left": lambda x, y: _shifted(x, y, left=True),
    "shift_right": lambda x, y: _shifted(x, y, left=False),
}


@pytest.mark.parametrize("function", INTEGER_FUNCTIONS, ids=lambda f: f.name)
def test_arithmetic_of_integers_is_exact_modulo_their_range(function):
    for dtype in PLAIN:
        if dtype not in function.dtypes:
            case = Case(
                "", function.name, [tensor((2,), None, dtype)] * 2, tensor((2,), None, dtype)
            )
            assert "input 0" in case.problem()
            continue
        x, y, result = check_plain(function.name, dtype)
        bits = 8 * np.dtype(dtype).itemsize
        expected = EXACT[function.name](x, y)
        difference = (result.astype(object) - expected) % 2**bits
        assert not difference.any(), dtype


def test_the_lowest_number_by_minus_one():
    for name, expected in (("integer_div", [-128, 0]), ("integer_mod", [0, 0])):
        graph = Case("", name, [tensor((2,), None, "int8")] * 2, tensor((2,), None)).integers()
        values = evaluate(graph, [np.array([-128, 5], np.int8), np.array([-1, 0], np.int8)])
        assert values["y"].tolist() == expected
        check_lowering(graph.layers[0], values)
