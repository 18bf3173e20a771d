"""Operators that become several of ours, against ONNX's own reference implementation."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto
from onnx.reference import ReferenceEvaluator

from tests.importers.onnx.builder import imported, model, node
from tests.ops_support import check_lowering
from tinycc_ml.errors import ModelFileError, UnsupportedError
from tinycc_ml.ops import evaluate, integerize

_TYPES = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64, "bool": TensorProto.BOOL}


def check(
    op: str,
    inputs: list[np.ndarray | None],
    outputs: int = 1,
    constants: dict[int, np.ndarray] | None = None,
    opset: int = 24,
    *,
    by_runtime: bool = False,
    **attributes: Any,
) -> None:
    """Reference, loops and ONNX agree.

    Args:
        op: ONNX's operator.
        inputs: Computed at run time; ``None`` where one is absent or constant.
        outputs: How many are compared.
        constants: Inputs that are known, by position.
        opset: The operator set.
        by_runtime: Compare with ONNX Runtime, where ONNX's own reference is wrong.
        attributes: Of the operator.
    """
    constants = constants or {}
    used = {f"x{i}": a for i, a in enumerate(inputs) if a is not None}
    names = [
        f"c{i}" if i in constants else "" if a is None else f"x{i}" for i, a in enumerate(inputs)
    ]
    results = [f"y{i}" for i in range(outputs)]
    data = model(
        [node(op, names, results, **attributes)],
        {name: a.shape for name, a in used.items()},
        results,
        {f"c{i}": a for i, a in constants.items()},
        opset=opset,
        types={name: _TYPES[a.dtype.name] for name, a in used.items()},
    )
    graph = integerize(imported(data))
    with np.errstate(all="ignore"):
        values = evaluate(graph, list(used.values()))
        if by_runtime:
            expected = onnxruntime.InferenceSession(data).run(None, used)
        else:
            expected = ReferenceEvaluator(ModelProto.FromString(data)).run(None, used)
    for name, array in zip(graph.outputs, expected, strict=True):
        assert values[name].shape == np.shape(array)
        np.testing.assert_allclose(values[name], array, rtol=1e-5, atol=1e-6)
    for layer in graph.layers:
        check_lowering(layer, values)


def real(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed + sum(shape)).normal(size=shape).astype(np.float32)


def test_layer_normalization_with_all_its_outputs() -> None:
    check("LayerNormalization", [real(2, 3, 4), real(3, 4), real(3, 4)], 3, axis=1, opset=17)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("ignored", [None, 2, -5])
def test_losses(reduction: str, ignored: int | None) -> None:
    target = np.array([[2, 0], [1, 2]])
    more: dict[str, Any] = {} if ignored is None else {"ignore_index": ignored}
    if ignored == -5:
        target[0, 1] = ignored
    for weight in (None, np.array([0.5, 2, 3], np.float32)):
        inputs = [real(2, 3, 2), target, weight][: 2 if weight is None else 3]
        check("NegativeLogLikelihoodLoss", inputs, reduction=reduction, opset=13, **more)
        check("SoftmaxCrossEntropyLoss", inputs, 2, reduction=reduction, opset=13, **more)


def test_a_loss_whose_targets_do_not_fit() -> None:
    with pytest.raises(ModelFileError, match="targets of"):
        check("NegativeLogLikelihoodLoss", [real(2, 3), np.array([1, 2, 0])], opset=13)


QUERY, KEY, VALUE = real(2, 4, 3, 4), real(2, 2, 5, 4, seed=1), real(2, 2, 5, 3, seed=2)
MASK = np.array([[1, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 1]], np.bool_)


@pytest.mark.parametrize("state", [0, 1, 2, 3])
@pytest.mark.parametrize("mask", [MASK, real(3, 5), MASK[:, :4], real(3, 3)])
def test_attention_with_masks(state: int, mask: np.ndarray) -> None:
    # With a cap, the reference returns the capped scores for state 0, unlike the specification.
    cap = 2.0 if state else 0.0
    more = {"softcap": cap, "scale": 0.7, "qk_matmul_output_mode": state}
    check("Attention", [QUERY, KEY, VALUE, mask], 4, is_causal=state % 2, **more)
    check("Attention", [QUERY, KEY, VALUE, None], 4, {3: mask}, is_causal=state % 2, **more)


def test_attention_of_three_dimensions_with_caches() -> None:
    inputs = [real(2, 3, 16), real(2, 5, 8), real(2, 5, 6), None]
    inputs += [real(2, 2, 4, 4), real(2, 2, 4, 3)]
    check("Attention", inputs, 4, q_num_heads=4, kv_num_heads=2, is_causal=1)


def test_attention_to_keys_of_some_length() -> None:
    lengths = {6: np.array([4, 2])}
    for is_causal in (0, 1):
        check("Attention", [QUERY, KEY, VALUE, *[None] * 4], 1, lengths, is_causal=is_causal)


def test_attention_that_does_not_fit() -> None:
    with pytest.raises(ModelFileError, match="with key"):
        check("Attention", [real(2, 3, 3, 4), KEY, VALUE])
    with pytest.raises(UnsupportedError, match="nonpad_kv_seqlen computed at run time"):
        check("Attention", [QUERY, KEY, VALUE, *[None] * 3, np.array([4, 2])])
    with pytest.raises(UnsupportedError, match="softmax_precision double"):
        check("Attention", [QUERY, KEY, VALUE], softmax_precision=TensorProto.DOUBLE)


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("turned", [0, 4])
def test_rotary_embedding(interleaved: int, turned: int) -> None:
    half, places = (turned or 6) // 2, {3: np.array([[0, 3, 1], [2, 2, 0]])}
    more = {"interleaved": interleaved, "rotary_embedding_dim": turned}
    cos, sin = real(4, half), real(4, half, seed=1)
    check("RotaryEmbedding", [real(2, 2, 3, 6), cos, sin, None], 1, places, **more)
    inputs = [real(2, 3, 12), *[None] * 3]
    check("RotaryEmbedding", inputs, 1, places | {1: cos, 2: sin}, num_heads=2, **more)
    inputs = [real(2, 3, 12), real(2, 3, half), real(2, 3, half, seed=1)]
    check("RotaryEmbedding", inputs, num_heads=2, **more)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("antialias", [0, 1])
@pytest.mark.parametrize(
    "where", ["half_pixel", "asymmetric", "align_corners", "half_pixel_symmetric"]
)
def test_resizing_by_weights(mode: str, antialias: int, where: str) -> None:
    more: dict[str, Any] = {"mode": mode, "antialias": antialias, "opset": 19}
    more |= {"coordinate_transformation_mode": where, "cubic_coeff_a": -0.5}
    for scales in ([1, 1, 0.6, 1.7], [1, 1, 2.4, 0.45]):
        given = {2: np.array(scales, np.float32)}
        check("Resize", [real(1, 2, 5, 7), None, None], constants=given, **more)
    given = {3: np.array([9, 3])}
    more |= {"exclude_outside": 1 - antialias, "axes": [2, 0]}
    check("Resize", [real(5, 2, 6), None, None, None], constants=given, **more)


def test_resizing_of_a_part() -> None:
    given = {1: np.array([0, 0.4, 1, 0.6, 1.2, 0.9], np.float32), 2: np.ones(3, np.float32)}
    given[2][1:] = 1.5, 0.8
    more = {"coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 7.0}
    check("Resize", [real(2, 4, 5), None, None], 1, given, 19, mode="linear", **more)


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
def test_resizing_that_keeps_the_aspect_ratio(policy: str) -> None:
    more = {"keep_aspect_ratio_policy": policy, "axes": [2, 1], "mode": "linear"}
    check("Resize", [real(2, 4, 6), *[None] * 3], 1, {3: np.array([7, 9])}, 19, **more)


WINDOWS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((1, 2, 4, 5, 6), {"kernel_shape": [2, 3, 2], "strides": [1, 2, 2]}),
    ((2, 2, 5, 4, 3), {"kernel_shape": [3, 2, 2], "pads": [1, 0, 1, 1, 1, 0]}),
    ((1, 2, 8, 7), {"kernel_shape": [3, 2], "dilations": [2, 3], "pads": [1, 1, 2, 0]}),
    ((1, 2, 9), {"kernel_shape": [3], "dilations": [2], "strides": [3], "ceil_mode": 1}),
]


@pytest.mark.parametrize(("shape", "more"), WINDOWS)
def test_windows_of_each_dimension_for_itself(shape: tuple[int, ...], more: dict[str, Any]) -> None:
    x = real(*shape)
    check("MaxPool", [x], opset=19, by_runtime=True, **more)
    check("AveragePool", [x], opset=19, by_runtime=True, **more)
    check("AveragePool", [x], opset=19, by_runtime=True, count_include_pad=1, **more)


def test_windows_of_powers() -> None:
    x = np.array([[[1, -2, 3, 4, -5, 6]]], np.float32)
    for p in (1, 2, 3):
        check("LpPool", [x], opset=22, kernel_shape=[3], strides=[3], p=p)


def test_windows_that_do_not_fit() -> None:
    with pytest.raises(ModelFileError, match="windows of 3 over 2"):
        check("LpPool", [real(1, 1, 2)], opset=22, kernel_shape=[3])
    more: dict[str, Any] = {"kernel_shape": [2], "dilations": [2], "pads": [4, 0]}
    with pytest.raises(UnsupportedError, match="beside the input"):
        check("MaxPool", [real(1, 1, 5)], opset=22, **more)


def test_local_response_normalization() -> None:
    # As many images as channels: the reference mixes up both.
    check("LRN", [real(5, 5, 2, 3)], size=3, alpha=0.2, beta=0.6, bias=1.5, opset=13)
    check("LRN", [real(4, 4, 2, 1)], size=4, opset=13)


@pytest.mark.parametrize("p", [1, 2])
def test_lp_normalization(p: int) -> None:
    x = np.abs(real(2, 3, 4))
    x[1, :, 2] = 0
    check("LpNormalization", [x], axis=1, p=p, opset=22)


def test_transposed_convolution_in_groups_and_dilated() -> None:
    x, weight = real(1, 4, 3, 5), {1: real(4, 3, 2, 3), 2: real(6)}
    more: dict[str, Any] = {"group": 2, "opset": 11, "by_runtime": True}
    check("ConvTranspose", [x, None, None], 1, weight, **more)
    weight = {1: real(4, 3, 2, 3)}
    more = {"strides": [2, 1], "dilations": [1, 2], "opset": 11, "by_runtime": True}
    check("ConvTranspose", [x, None], 1, weight, **more)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_samples_at_a_constant_grid(mode: str, padding: str) -> None:
    grid = {1: real(2, 3, 2, 2) * np.float32(1.5)}
    for aligned in (0, 1):
        more = {"mode": mode, "padding_mode": padding, "align_corners": aligned}
        check("GridSample", [real(2, 3, 4, 5), None], 1, grid, 20, **more)


def test_samples_at_a_grid_of_run_time() -> None:
    with pytest.raises(UnsupportedError, match="grid computed at run time"):
        check("GridSample", [real(1, 1, 4, 5), real(1, 2, 2, 2)], opset=20)
