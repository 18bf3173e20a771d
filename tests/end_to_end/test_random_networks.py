"""Random networks: the generated C computes what TensorFlow Lite Micro does, in every byte."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.end_to_end.projects import (
    CHOICES,
    OPTIONS,
    build_host,
    compile_bytes,
    extreme_inputs,
)
from tests.end_to_end.random_networks import LAYERS, networks
from tests.oracle import run_tflm
from tinycc_ml.errors import UnsupportedError

#: Refusals that drawn numbers can run into; anything else is a bug.
REFUSED = ("exceed", "too small", "too large", "below", "allowed from", "times the integers")


def check(data: st.DataObject, operator: str, samples: int) -> None:
    model = data.draw(networks(operator))
    options, choices = data.draw(st.sampled_from(OPTIONS)), data.draw(st.sampled_from(CHOICES))
    try:
        compilation = compile_bytes(model, "net", options, **choices)
    except UnsupportedError as refusal:
        if not any(words in str(refusal) for words in REFUSED):
            raise
        assume(False)
    with tempfile.TemporaryDirectory() as folder:
        (host,) = build_host([compilation], Path(folder))
        for sample in extreme_inputs(compilation.manifest, samples):
            found, expected = host.run(sample), run_tflm(model, sample)
            for number, (a, b) in enumerate(zip(found, expected, strict=True)):
                assert a.tobytes() == b.tobytes(), f"output {number}: {a} instead of {b}"


@pytest.mark.parametrize("operator", sorted(LAYERS))
@settings(max_examples=14)
@given(data=st.data())
def test_any_network(operator, data):
    check(data, operator, samples=10)


@pytest.mark.slow
@pytest.mark.parametrize("operator", sorted(LAYERS))
@settings(max_examples=300)
@given(data=st.data())
def test_many_networks(operator, data):
    check(data, operator, samples=16)
