"""The algebra: programs are the textbook's matrices, and everything is exact in integers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tinycc_ml.kernels.dsp.winograd_algorithm import F2, F4, Algorithm, Transform
from tinycc_ml.kernels.dsp.winograd_program import run_transform

ALGORITHMS = {"f2": F2, "f4": F4}
#: B and A of Lavin and Gray.
B = {
    "f2": [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
    "f4": [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
}
A = {
    "f2": [[1, 1, 1, 0], [0, 1, -1, -1]],
    "f4": [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
}
#: By how much the rows of G are scaled.
SCALES = {"f2": [1, 2, 2, 1], "f4": [4, 6, 6, 24, 24, 1]}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_programs_are_the_matrices_of_the_textbook(name):
    a = ALGORITHMS[name]
    assert a.input.matrix.tolist() == B[name]
    scale = Fraction(a.odd * 2**a.scale_bits)
    # The scale of one dimension is the square root of the whole.
    root = {4: 2, 576: 24}[int(scale)]
    expected = [
        [Fraction(root * x, s * f) for x, s in zip(row, SCALES[name], strict=True)]
        for row, f in zip(A[name], a.factors, strict=True)
    ]
    assert a.output.matrix.tolist() == expected


def convolve(weight: np.ndarray, x: np.ndarray, m: int) -> np.ndarray:
    """(m, m, filters) of (n, n, channels) and OHWI weights."""
    out = np.zeros((m, m, len(weight)), object)
    for i in range(m):
        for j in range(m):
            out[i, j] = np.einsum("oyxc,yxc->o", weight.astype(object), x[i : i + 3, j : j + 3])
    return out


def outputs(a: Algorithm, weight: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The same by the algorithm, modulo 2^32 as int32, before the shift."""
    b, back = a.input.matrix.astype(object), a.output.matrix.astype(object)
    v = np.einsum("iy,yxc,jx->ijc", b, x.astype(object), b)
    m = np.einsum("ijoc,ijc->ijo", a.transform_filters(weight).astype(object), v)
    y = np.einsum("iy,yxo,jx->ijo", back, m, back)
    factors = np.array(a.factors, object)
    y = y * factors[:, None, None] * factors[None, :, None] * a.inverse
    return (y + 2**31) % 2**32 - 2**31


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("draw", range(5))
def test_outputs_are_exact(name, draw):
    a, rng = ALGORITHMS[name], np.random.default_rng(draw)
    weight = rng.integers(-128, 128, (2, 3, 3, 4))
    x = rng.integers(0, 256, (a.size, a.size, 4))
    if draw > 2:
        weight[:], x[:] = -128, 255
    expected = convolve(weight, x, a.outputs) * 2**a.scale_bits
    assert (outputs(a, weight, x) == expected).all()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_transformed_values_fit_their_halves(name):
    a = ALGORITHMS[name]
    positive, negative = np.maximum(a.input.matrix, 0), np.maximum(-a.input.matrix, 0)

    def reach(first: np.ndarray, second: np.ndarray) -> int:
        """The largest of the sums of products of coefficients, times the largest input."""
        rows, columns = first.sum(axis=1), second.sum(axis=1)
        other = (negative if first is positive else positive).sum(axis=1)
        opposite = (negative if second is positive else positive).sum(axis=1)
        return 255 * int((np.outer(rows, columns) + np.outer(other, opposite)).max())

    highest, lowest = reach(positive, positive), -reach(positive, negative)
    assert lowest >= -(2**15) and highest + a.lift < 2**15
    assert not a.lift or lowest + a.lift >= 0
    extremes = np.full((1, 3, 3, 1), -128)
    assert np.abs(a.transform_filters(extremes)).max() < 2**15


@pytest.mark.parametrize("name", ALGORITHMS)
def test_lifts_reach_every_result_and_only_the_corners(name):
    a, rng = ALGORITHMS[name], np.random.default_rng(1)
    lifts = np.zeros((a.size, a.size, 1), np.int64)
    for row in a.lifted:
        for column in a.lifted:
            lifts[row, column] = a.lift
    b = a.input.matrix
    assert (b @ lifts[:, :, 0] @ b.T == a.lift).all()
    weight = rng.integers(-128, 128, (3, 3, 3, 1))
    added = convolve(weight, lifts, a.outputs)
    corners = a.corners()
    for number, (i, j) in enumerate(corners):
        assert (added[i, j] == a.lift_sums(weight)[number, :, 0]).all()
        added[i, j] = 0
    assert not added.any()


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("which", ["input", "output"])
def test_every_step_counts(name, which):
    """A change of any step is a change of the map."""
    transform: Transform = getattr(ALGORITHMS[name], which)
    for number, step in enumerate(transform.steps):
        for fault in (replace(step, sign=-step.sign), replace(step, shift=step.shift + 1)):
            steps = (*transform.steps[:number], fault, *transform.steps[number + 1 :])
            changed = replace(transform, steps=steps)
            assert changed.matrix.tolist() != transform.matrix.tolist()


def test_inputs_are_loaded_late_and_results_stored_early():
    registers = {slot: f"r{slot}" for slot in range(5)}
    lines = run_transform(
        F2.input,
        registers,
        load=lambda slot, register: (f"load {register}, {slot}",),
        store=lambda result, register: (f"store {register}, {result}",),
        lanes=True,
    )
    assert list(lines) == [
        "load r0, 0",
        "load r2, 2",
        "ssub16 r0, r0, r2",
        "store r0, 0",
        "load r1, 1",
        "load r3, 3",
        "ssub16 r3, r1, r3",
        "store r3, 3",
        "sadd16 r4, r1, r2",
        "store r4, 1",
        "ssub16 r2, r2, r1",
        "store r2, 2",
    ]
