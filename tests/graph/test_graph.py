from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.graph.sample import node, sample
from tinycc_ml.graph import Constant


def test_constants_are_equal_by_type_shape_and_bytes() -> None:
    a = Constant(np.array([[1, 2], [3, 4]], np.int8))
    assert a == Constant(np.array([[1, 2], [3, 4]], np.int8))
    assert a != Constant(np.array([1, 2, 3, 4], np.int8))
    assert a != Constant(np.array([[1, 2], [3, 4]], np.uint8))
    assert a != Constant(np.array([[1, 2], [3, 5]], np.int8))
    assert a != [[1, 2], [3, 4]]


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=12))
def test_memory_layout_and_byte_order_do_not_matter(values: list[int]) -> None:
    array = np.array([values, values[::-1]], np.int32)
    for same in (np.asfortranarray(array), array.astype(">i4"), array.repeat(2, 1)[:, ::2]):
        assert Constant(same) == Constant(array)
        assert hash(Constant(same)) == hash(Constant(array))
        assert Constant(same).digest == Constant(array).digest


def test_nan_constants_are_equal_to_themselves() -> None:
    assert Constant(np.array([np.nan], np.float32)) == Constant(np.array([np.nan], np.float32))
    assert Constant(np.array([0.0])) != Constant(np.array([-0.0]))


def test_constants_do_not_change() -> None:
    source = np.zeros(3, np.int8)
    constant = Constant(source)
    source[0] = 1
    assert constant == Constant(np.zeros(3, np.int8))
    with pytest.raises(ValueError, match="read-only"):
        constant.array[0] = 1


def test_graphs_are_equal_by_structure() -> None:
    assert sample() == sample()
    assert sample() != sample(outputs=("h",))
    assert sample().with_nodes(sample().nodes) == sample()


def test_graphs_do_not_change() -> None:
    graph = sample()
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        graph.types["x"] = graph.types["y"]  # type: ignore[index]


def test_consumers_lists_each_reader_once_and_in_order() -> None:
    twice = node("n2", ("y", "y"), ("z",))
    graph = sample()
    graph = sample(
        nodes=(*graph.nodes, twice), types={**graph.types, "z": graph.types["y"]}, outputs=("z",)
    )
    assert graph.consumers() == {
        "x": (graph.nodes[0],),
        "c": (graph.nodes[0],),
        "h": (graph.nodes[1],),
        "y": (twice,),
        "z": (),
    }
