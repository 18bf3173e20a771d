"""How the output of each operator is quantized: TensorFlow Lite's constraints."""

from __future__ import annotations

from tinycc_ml.graph import QuantParams

#: Operators whose output is quantized as their inputs are.
SAME = frozenset(
    {"average_pool2d", "concatenation", "gather", "max_pool2d", "pad", "reduce_max", "reduce_min"}
    | {"reshape", "resize_bilinear", "slice", "take", "tile", "transpose"}
)
#: Operators whose output has a range that needs no data.
FIXED = {
    "logistic": QuantParams((1 / 256,), (-128,)),
    "softmax": QuantParams((1 / 256,), (-128,)),
    "tanh": QuantParams((1 / 128,), (0,)),
}
