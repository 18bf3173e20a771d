"""Real functions of one operand: their meaning in NumPy and in loop IR.

Both round to float32 after each operation. The functions of ``math.h`` are computed in float64 and
rounded once, which is what a good library returns but for rare last bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.graph import Array, OpAttrs
from tinycc_ml.loopir import Binary, Compare, Expr, Select
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.math_functions import MATH

_F = np.float32
_GELU_SCALE = float(_F(math.sqrt(2 / math.pi)))
_GELU_CUBE = float(_F(0.044715))
_ROOT_HALF = float(_F(math.sqrt(0.5)))


@dataclass(frozen=True, slots=True)
class SlopeAttrs(OpAttrs):
    """`alpha`: the slope, or the value far below zero, as the function has it; float32 values."""

    alpha: float = 1.0
    beta: float = 0.0


@dataclass(frozen=True, slots=True)
class GeluAttrs(OpAttrs):
    """Whether the error function is approximated by a hyperbolic tangent."""

    approximate: bool = False


@dataclass(frozen=True, slots=True)
class RealFunction:
    """A function of one float32.

    Attributes:
        name: The operator's.
        summary: For `tinycc-ml ops`.
        numpy: Its meaning on float32 arrays.
        loop: The same in loop IR.
        attrs_type: The operator's attributes.
    """

    name: str
    summary: str
    numpy: Callable[[Array, OpAttrs], Array]
    loop: Callable[[Expr, OpAttrs], Expr]
    attrs_type: type[OpAttrs] = OpAttrs


def _np(name: str, x: Array) -> Array:
    """A function of ``math.h`` on an array."""
    values = [MATH[name].meaning(v) for v in x.reshape(-1).tolist()]
    return np.array(values, np.float32).reshape(x.shape)


def _c(value: float) -> Expr:
    return b.number(float(_F(value)))


def _max(x: Expr, y: Expr) -> Expr:
    return Binary("max", x, y)


def _min(x: Expr, y: Expr) -> Expr:
    return Binary("min", x, y)


def _neg(x: Expr) -> Expr:
    return b.sub(b.number(0.0), x)


def _slopes(attrs: OpAttrs) -> tuple[float, float]:
    a = cast(SlopeAttrs, attrs)
    return float(_F(a.alpha)), float(_F(a.beta))


def _math(name: str, summary: str, function: str | None = None) -> RealFunction:
    """A function of ``math.h`` as it is."""
    c_name = function or name
    return RealFunction(name, summary, lambda x, _: _np(c_name, x), lambda x, _: b.call(c_name, x))


def _below_zero(
    low_numpy: Callable[[Array, OpAttrs], Array], low_loop: Callable[[Expr, OpAttrs], Expr]
) -> tuple[Callable[[Array, OpAttrs], Array], Callable[[Expr, OpAttrs], Expr]]:
    """``x`` where it is not negative, else something else."""
    zero = b.number(0.0)
    return (
        lambda x, a: np.where(x < 0, low_numpy(x, a), x),
        lambda x, a: Select(Compare("<", x, zero), low_loop(x, a), x),
    )


def elu_of_tables(x: Array, attrs: OpAttrs) -> Array:
    """What TensorFlow Lite Micro fills its table of ELU with: less precise than the function."""
    elu: Array = np.where(x < 0, _F(_slopes(attrs)[0]) * (_np("exp", x) - _F(1)), x)
    return elu


def _gelu_numpy(x: Array, attrs: OpAttrs) -> Array:
    if not cast(GeluAttrs, attrs).approximate:
        exact: Array = x * _F(0.5) * _np("erfc", x * _F(-_ROOT_HALF))
        return exact
    cube = _F(_GELU_CUBE) * x * x * x
    gelu: Array = _F(0.5) * x * (_F(1) + _np("tanh", _F(_GELU_SCALE) * (x + cube)))
    return gelu


def _gelu_loop(x: Expr, attrs: OpAttrs) -> Expr:
    if not cast(GeluAttrs, attrs).approximate:
        return b.mul(b.mul(x, _c(0.5)), b.call("erfc", b.mul(x, _c(-_ROOT_HALF))))
    cube = b.mul(b.mul(b.mul(_c(_GELU_CUBE), x), x), x)
    inner = b.mul(_c(_GELU_SCALE), b.add(x, cube))
    return b.mul(b.mul(_c(0.5), x), b.add(_c(1), b.call("tanh", inner)))


def _softplus_numpy(x: Array, attrs: OpAttrs) -> Array:
    softplus: Array = np.maximum(x, _F(0)) + _np("log1p", _np("exp", -np.abs(x)))
    return softplus


def _softplus_loop(x: Expr, attrs: OpAttrs) -> Expr:
    small = b.call("log1p", b.call("exp", _neg(b.call("fabs", x))))
    return b.add(_max(x, _c(0)), small)


def _hard_sigmoid_numpy(x: Array, attrs: OpAttrs) -> Array:
    alpha, beta = _slopes(attrs)
    clamped: Array = np.minimum(np.maximum(_F(alpha) * x + _F(beta), _F(0)), _F(1))
    return clamped


def _hard_sigmoid_loop(x: Expr, attrs: OpAttrs) -> Expr:
    alpha, beta = _slopes(attrs)
    return _min(_max(b.add(b.mul(_c(alpha), x), _c(beta)), _c(0)), _c(1))


def _clip_numpy(x: Array, attrs: OpAttrs) -> Array:
    low, high = _slopes(attrs)
    clipped: Array = np.minimum(np.maximum(x, _F(low)), _F(high))
    return clipped


def _clip_loop(x: Expr, attrs: OpAttrs) -> Expr:
    low, high = _slopes(attrs)
    return _min(_max(x, b.number(low)), b.number(high))


def _sign_loop(x: Expr, attrs: OpAttrs) -> Expr:
    zero = b.number(0.0)
    return Select(
        Compare(">", x, zero), _c(1), Select(Compare("<", x, zero), _c(-1), b.number(0.0))
    )


_ELU = _below_zero(
    lambda x, a: _F(_slopes(a)[0]) * _np("expm1", x),
    lambda x, a: b.mul(_c(_slopes(a)[0]), b.call("expm1", x)),
)
_LEAKY = _below_zero(lambda x, a: x * _F(_slopes(a)[0]), lambda x, a: b.mul(x, _c(_slopes(a)[0])))
_CELU = _below_zero(
    lambda x, a: _F(_slopes(a)[0]) * _np("expm1", x / _F(_slopes(a)[0])),
    lambda x, a: b.mul(_c(_slopes(a)[0]), b.call("expm1", b.div(x, _c(_slopes(a)[0])))),
)


def _selu_numpy(x: Array, attrs: OpAttrs) -> Array:
    alpha, gamma = _slopes(attrs)
    selu: Array = _F(gamma) * np.where(x <= 0, _F(alpha) * _np("expm1", x), x)
    return selu


def _selu_loop(x: Expr, attrs: OpAttrs) -> Expr:
    alpha, gamma = _slopes(attrs)
    low = b.mul(_c(alpha), b.call("expm1", x))
    return b.mul(_c(gamma), Select(Compare("<=", x, b.number(0.0)), low, x))


#: In the order of the names.
REAL_FUNCTIONS = (
    _math("abs", "absolute value", "fabs"),
    _math("acos", "inverse cosine"),
    _math("acosh", "inverse hyperbolic cosine"),
    _math("asin", "inverse sine"),
    _math("asinh", "inverse hyperbolic sine"),
    _math("atan", "inverse tangent"),
    _math("atanh", "inverse hyperbolic tangent"),
    _math("ceil", "smallest integer not below"),
    RealFunction("celu", "continuously differentiable elu, any alpha", *_CELU, SlopeAttrs),
    RealFunction("clip", "clamp to alpha ... beta", _clip_numpy, _clip_loop, SlopeAttrs),
    _math("cos", "cosine"),
    _math("cosh", "hyperbolic cosine"),
    RealFunction("elu", "exponential linear unit, any alpha", *_ELU, SlopeAttrs),
    _math("erf", "error function"),
    _math("exp", "exponential"),
    _math("floor", "largest integer not above"),
    RealFunction(
        "gelu", "Gaussian error linear unit, exact or with tanh", _gelu_numpy, _gelu_loop, GeluAttrs
    ),
    RealFunction(
        "hard_sigmoid",
        "clamp(alpha * x + beta, 0, 1)",
        _hard_sigmoid_numpy,
        _hard_sigmoid_loop,
        SlopeAttrs,
    ),
    RealFunction(
        "hard_swish",
        "x * clamp(x + 3, 0, 6) / 6",
        lambda x, _: x * np.minimum(_F(6), np.maximum(_F(0), x + _F(3))) / _F(6),
        lambda x, _: b.div(b.mul(x, _min(_c(6), _max(_c(0), b.add(x, _c(3))))), _c(6)),
    ),
    RealFunction("leaky_relu", "rectifier with the slope alpha below 0", *_LEAKY, SlopeAttrs),
    _math("log", "natural logarithm"),
    RealFunction("neg", "negation", lambda x, _: _F(0) - x, lambda x, _: _neg(x)),
    RealFunction("reciprocal", "1 / x", lambda x, _: _F(1) / x, lambda x, _: b.div(_c(1), x)),
    _math("round", "nearest integer, halves to even", "rint"),
    RealFunction(
        "rsqrt",
        "1 / sqrt(x)",
        lambda x, _: _F(1) / _np("sqrt", x),
        lambda x, _: b.div(_c(1), b.call("sqrt", x)),
    ),
    RealFunction("selu", "scaled elu; beta is the scale", _selu_numpy, _selu_loop, SlopeAttrs),
    RealFunction("sign", "-1, 0 or 1", lambda x, _: np.sign(x), _sign_loop),
    _math("sin", "sine"),
    _math("sinh", "hyperbolic sine"),
    RealFunction("softplus", "log(1 + exp(x))", _softplus_numpy, _softplus_loop),
    RealFunction(
        "softsign",
        "x / (1 + |x|)",
        lambda x, _: x / (_F(1) + np.abs(x)),
        lambda x, _: b.div(x, b.add(_c(1), b.call("fabs", x))),
    ),
    _math("sqrt", "square root"),
    RealFunction("square", "x * x", lambda x, _: x * x, lambda x, _: b.mul(x, x)),
    _math("tan", "tangent"),
    _math("tanh", "hyperbolic tangent"),
)
