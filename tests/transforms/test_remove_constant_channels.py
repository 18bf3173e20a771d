"""Removing channels: no output changes by a bit, what is left of other values stays the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings

from tests.oracle import run_tflm
from tests.shared_data import shared_path
from tests.transforms.channel_networks import Network, inputs_for, networks
from tinycc_ml.errors import InternalError
from tinycc_ml.graph import Graph, Refusal, run_passes
from tinycc_ml.importers import import_tflite
from tinycc_ml.ops import bind, evaluate, integerize, op
from tinycc_ml.transforms import channel_selection, filters, mixing_layer
from tinycc_ml.transforms import remove_constant_channels as rewrite
from tinycc_ml.transforms.channel_report import kept_channels, layer_macs
from tinycc_ml.transforms.channel_selection import ChannelSelection, select_channels
from tinycc_ml.transforms.remove_constant_channels import RemoveConstantChannels

_SEARCH = settings(max_examples=150, database=None, derandomize=True, phases=[Phase.generate])


def run(
    graph: Graph, pass_: RemoveConstantChannels | None = None
) -> tuple[Graph, tuple[Refusal, ...]]:
    result, report = run_passes(graph, [pass_ or RemoveConstantChannels()])
    return result, report.refusals


def is_wrong(network: Network) -> bool:
    """Whether an output differs in a byte, or in shape, for some input that is likely to."""
    graph = network.graph
    first = integerize(graph)
    second = integerize(run(graph, RemoveConstantChannels(keep_multiple=1))[0])
    for x in inputs_for(graph)[:4]:
        expected, found = evaluate(first, [x]), evaluate(second, [x])
        if any(not np.array_equal(found[name], expected[name]) for name in graph.outputs):
            return True
    return False


# Properties


@settings(max_examples=150)
@given(networks())
def test_values_are_identical(network: Network) -> None:
    """Outputs whole, other values as far as they are left."""
    graph = network.graph
    expected = [evaluate(integerize(graph), [x]) for x in inputs_for(graph)]
    for pass_ in (RemoveConstantChannels(1), RemoveConstantChannels(4)):
        result, _ = run(graph, pass_)
        kept, integers = kept_channels(graph, result, pass_), integerize(result)
        assert not kept.keys() & {*graph.inputs, *graph.outputs}
        assert (result is graph) == (not kept)
        for x, values in zip(inputs_for(graph), expected, strict=True):
            found = evaluate(integers, [x])
            for name in (name for node in graph.nodes for name in node.outputs):
                part = values[name][..., kept[name]] if name in kept else values[name]
                np.testing.assert_array_equal(found[name], part, err_msg=name)


@settings(max_examples=60)
@given(networks())
def test_outputs_are_those_of_tensorflow_lite_micro(network: Network) -> None:
    graph = network.graph
    result, _ = run(graph)
    integers = integerize(result)
    for x in inputs_for(graph):
        values = evaluate(integers, [x])
        for name, expected in zip(result.outputs, run_tflm(network.data, [x]), strict=True):
            np.testing.assert_array_equal(values[name], expected)


@settings(max_examples=100)
@given(networks())
def test_the_graph_that_is_left_is_a_valid_one(network: Network) -> None:
    """Names and order stay, operators accept what they are given, and nothing is left to do."""
    graph = network.graph
    for multiple in (1, 4):
        pass_ = RemoveConstantChannels(multiple)
        result, refusals = run(graph, pass_)
        assert [n.name for n in result.nodes] == [n.name for n in graph.nodes]
        assert set(result.types) == set(graph.types)
        for node in result.nodes:
            bound = bind(result, node)
            assert op(node.op).check(bound) is None
            shapes = op(node.op).infer(node.attrs, bound.inputs)
            assert shapes == tuple(type_.shape for type_ in bound.outputs)
        assert all(refusal.rule == pass_.name for refusal in refusals)
        assert run(result, pass_)[0] is result


@settings(max_examples=100)
@given(networks())
def test_counts_suit_kernels(network: Network) -> None:
    graph = network.graph
    result, _ = run(graph)
    groups = select_channels(graph, 4).groups
    for name, place in groups.places.items():
        whole, left = (g.types[name].shape[-1] for g in (graph, result))
        assert left == whole or (left > 0 and left // place.copies % 4 == 0)


# Planted faults: the properties above find them.


def _ignore_borders(monkeypatch: pytest.MonkeyPatch) -> None:
    original = filters._taps

    def taps(*args: object) -> tuple[np.ndarray, ...]:
        return tuple(np.ones_like(found) for found in original(*args))

    monkeypatch.setattr(filters, "_taps", taps)


def _fold_at_borders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Right intervals, but constants move into the bias of layers that pad."""
    original = mixing_layer._contributions

    def contributions(found: filters.Filters, *args: object) -> tuple[np.ndarray, np.ndarray]:
        everywhere = np.ones_like(found.inside)
        return original(replace(found, inside=everywhere, reachable=everywhere), *args)

    monkeypatch.setattr(mixing_layer, "_contributions", contributions)


def _take_constants_for_zero_points(monkeypatch: pytest.MonkeyPatch) -> None:
    original = mixing_layer._contributions

    def contributions(found: object, constant: object, offset: np.ndarray) -> object:
        return original(found, constant, np.zeros_like(offset))

    monkeypatch.setattr(mixing_layer, "_contributions", contributions)


def _fold_without_the_zero_point(monkeypatch: pytest.MonkeyPatch) -> None:
    original = rewrite._Rewrite._mixing

    def mixing(self: rewrite._Rewrite, layer: mixing_layer.MixingLayer, kept: object) -> None:
        constant = self.graph.types[layer.node.inputs[0]].quant.zero_point
        weight = filters.filters_of(self.graph, layer.node).weight.sum(axis=1)
        folds = np.where(layer.folds != 0, layer.folds + weight * constant, 0)
        original(self, replace(layer, folds=folds), kept)

    monkeypatch.setattr(rewrite._Rewrite, "_mixing", mixing)


def _empty_without_a_bias(monkeypatch: pytest.MonkeyPatch) -> None:
    original = rewrite._Rewrite._mixing

    def mixing(self: rewrite._Rewrite, layer: mixing_layer.MixingLayer, kept: object) -> None:
        original(self, replace(layer, sums=np.zeros_like(layer.sums)), kept)

    monkeypatch.setattr(rewrite._Rewrite, "_mixing", mixing)


def _drop_a_needed_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    original = channel_selection.select_channels

    def select(graph: Graph, multiple: int) -> ChannelSelection:
        found = original(graph, multiple)
        for demand in found.demands:
            names = [n for n, p in found.groups.places.items() if p.group == demand.source]
            target = found.kept[demand.layer.node.outputs[0]]
            needed = np.flatnonzero(demand.needs[target].any(axis=0))
            if demand.source in found.groups.pinned or len(needed) < 2:
                continue
            kept = dict(found.kept)
            for name in names:
                size = found.groups.channels[demand.source]
                kept[name] = kept[name] & (np.arange(len(kept[name])) % size != needed[0])
            return replace(found, kept=kept)
        return found

    monkeypatch.setattr(rewrite, "select_channels", select)


def _ignore_what_sums_are_tied_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that the output of the model belongs to does not stay whole."""
    original = channel_selection.group_channels

    def group(graph: Graph) -> object:
        found = original(graph)
        outputs = {found.places[n].group for n in (*graph.inputs, *graph.outputs)}
        pinned = {g: why for g, why in found.pinned.items() if g in outputs}
        return replace(found, pinned=pinned)

    monkeypatch.setattr(channel_selection, "group_channels", group)


@pytest.mark.parametrize(
    "fault",
    [
        _ignore_borders,
        _fold_at_borders,
        _take_constants_for_zero_points,
        _fold_without_the_zero_point,
        _empty_without_a_bias,
        _drop_a_needed_channel,
        _ignore_what_sums_are_tied_to,
    ],
)
def test_faults_are_found(
    fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)

    def is_caught(network: Network) -> bool:
        # A fault may also leave shapes that do not fit together.
        try:
            return is_wrong(network)
        except (ValueError, IndexError, InternalError):
            return True

    find(networks(), is_caught, settings=_SEARCH)


# The models of MLPerf Tiny


def _constant_bytes(graph: Graph) -> int:
    return sum(graph.types[name].size_bytes for name in graph.constants)


def test_visual_wake_words_halves() -> None:
    graph = import_tflite(shared_path("data/models/vww_96_int8.tflite"))
    result, refusals = run(graph)
    assert refusals == ()
    macs = layer_macs(graph, result)
    assert sum(layer.before for layer in macs) == 7_489_664
    assert sum(layer.after for layer in macs) == 3_766_476
    assert (_constant_bytes(graph), _constant_bytes(result)) == (219_064, 34_508)
    smallest, _ = run(graph, RemoveConstantChannels(keep_multiple=1))
    assert sum(layer.after for layer in layer_macs(graph, smallest)) == 3_727_313
    with np.load(shared_path("data/golden/vww_96_int8.tflite.npz")) as golden:
        samples, expected = golden["input0"], golden["output0_tflm"]
        chosen = json.loads(bytes(golden["meta"]))["intermediates_for"]
        inner = {key.removesuffix("_tflm"): golden[key] for key in golden if key.endswith("_tflm")}
    integers, kept = integerize(result), kept_channels(graph, result)
    compared = 0
    for i, sample in enumerate(samples):
        values = evaluate(integers, [sample])
        np.testing.assert_array_equal(values[graph.outputs[0]], expected[i])
        for name in inner.keys() & values.keys() if i == chosen else ():
            part = inner[name][..., kept[name]] if name in kept else inner[name]
            np.testing.assert_array_equal(values[name], part, err_msg=name)
            compared += name in kept
    assert (len(samples), compared) == (8, len(kept))


def test_visual_wake_words_on_more_inputs() -> None:
    graph = import_tflite(shared_path("data/models/vww_96_int8.tflite"))
    before, after = integerize(graph), integerize(run(graph)[0])
    rng = np.random.default_rng(1)
    shape = graph.types[graph.inputs[0]].shape
    xs = [rng.integers(-128, 128, shape) for _ in range(14)]
    xs += [np.full(shape, value) for value in (-128, -127, -1, 0, 1, 64, 126, 127)]
    # Coarse images: neighbours are alike, as in photographs.
    xs += [rng.integers(-128, 128, (1, 6, 6, 3)).repeat(16, 1).repeat(16, 2) for _ in range(8)]
    assert len(xs) == 30
    for x in (array.astype(np.int8) for array in xs):
        # Logits too: softmax could hide a difference.
        expected, found = evaluate(before, [x]), evaluate(after, [x])
        for name in ("t87", graph.outputs[0]):
            np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize(
    "name", ["kws_ref_model", "pretrainedResnet_quant", "ad01_int8", "str_ww_ref_model"]
)
def test_models_without_such_channels_are_returned_as_they_are(name: str) -> None:
    graph = import_tflite(shared_path(f"data/models/{name}.tflite"))
    result, refusals = run(graph)
    assert result is graph
    assert refusals == ()
