"""What can be chosen about quantization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tinycc_ml.quant.ranges import Method
from tinycc_ml.quant.rounding import Rounding

Interface = Literal["int8", "float32"]


@dataclass(frozen=True, slots=True)
class QuantizeOptions:
    """The defaults are what measured best.

    Attributes:
        method: How the range of an activation is chosen.
        percentile: Share of numbers within the range, in percent, with method ``percentile``.
        weight_bits: 8, or 4: weights are then multiples of their scale from -7 to 7.
        equalize: Whether channels get like ranges across layers first.
        depth_power: Power of the equalizing factor before depthwise layers.
        dense_power: The same before layers that mix channels.
        rounding: How weights become integers.
        candidates: How many scales are tried for each filter; 1 takes the one that clips nothing.
        compensate: Whether weights make up for the errors of the layers before.
        damping: How much weights are held back in that, as a share of the inputs' mean variance.
        correct_bias: Whether biases make up for what quantization does to the means.
        interface: Element type of the model's inputs and outputs.
        seed: Which samples are taken where there are more than needed.
    """

    method: Method = "minmax"
    percentile: float = 99.99
    weight_bits: Literal[8, 4] = 8
    equalize: bool = True
    depth_power: float = 1.0
    dense_power: float = 0.5
    rounding: Rounding = "adaptive"
    candidates: int = 1
    compensate: bool = False
    damping: float = 0.1
    correct_bias: bool = True
    interface: Interface = "float32"
    seed: int = 0

    @classmethod
    def of_weights(cls, bits: Literal[8, 4], **choices: Any) -> QuantizeOptions:
        """The defaults that measured best for weights of so many bits, but for the choices."""
        if bits == 4:
            best: dict[str, Any] = {"compensate": True, "damping": 0.5}
            choices = best | {"candidates": 10, "dense_power": 0.2} | choices
        return cls(weight_bits=bits, **choices)

    @property
    def needs_inputs(self) -> bool:
        """Whether rounding looks at the inputs of each layer."""
        return self.rounding != "nearest" or self.compensate or self.correct_bias
