from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.graph.sample import ACTIVATION, node, sample
from tinycc_ml.errors import InternalError
from tinycc_ml.graph import Constant, verify_graph

_TYPES = dict.fromkeys(("x", "c", "h", "y"), ACTIVATION)


def test_a_sound_graph_is_returned_as_it_is() -> None:
    graph = sample()
    assert verify_graph(graph) is graph


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Bad-Name"}, "'Bad-Name' is no C identifier"),
        ({"name": "7up"}, "'7up' is no C identifier"),
        ({"inputs": ("x", "x")}, "an input is listed twice"),
        ({"inputs": ("x", "c")}, "an input is listed twice, or is also a constant"),
        ({"inputs": ()}, "n0 reads %x before it is defined"),
        ({"nodes": sample().nodes[::-1]}, "n1 reads %h before it is defined"),
        ({"nodes": (sample().nodes[0],)}, "output %y is not defined"),
        ({"nodes": (node("n0", ("x",), ("x",)),)}, "n0 defines %x a second time"),
        ({"nodes": (node("n0", ("x",), ("c",)),)}, "n0 defines %c a second time"),
        ({"nodes": (node("n0", ("x",), ("h",)), node("n0", ("h",), ("y",)))}, "not unique"),
        ({"nodes": (node("N 0", ("x",), ("y",)),)}, "'N 0' is no C identifier"),
        ({"types": {n: t for n, t in _TYPES.items() if n != "h"}}, "%h has no type"),
        ({"types": {n: t for n, t in _TYPES.items() if n != "c"}}, "%c has no type"),
        ({"constants": {"c": Constant(np.zeros((4, 1), np.int8))}}, "@c is Constant"),
        ({"constants": {"c": Constant(np.zeros((1, 4), np.uint8))}}, "@c is Constant"),
    ],
)
def test_a_broken_invariant_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InternalError) as caught:
        verify_graph(sample(**changes))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3
