"""Choosing among candidates: against every possible choice, with things that layers share."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import compile_bytes
from tinycc_ml.kernels import knapsack
from tinycc_ml.kernels.choice import BYTES_PER_PERCENT, choose


@dataclass(frozen=True, eq=False)
class Offer:
    """What a candidate costs, and nothing else."""

    cycles: int
    flash: dict[object, int]


_SIZES = {key: 7 * (1 + ord(key) % 5) for key in "abcdefgh"}
offers = st.builds(
    Offer,
    st.integers(1, 40),
    st.frozensets(st.sampled_from(sorted(_SIZES)), max_size=4).map(
        lambda keys: {key: _SIZES[key] for key in keys}
    ),
)
networks = st.lists(st.lists(offers, min_size=1, max_size=4), min_size=1, max_size=4)


def flash(chosen) -> int:
    return sum({key: size for c in chosen for key, size in c.flash.items()}.values())


def cycles(chosen) -> int:
    return sum(c.cycles for c in chosen)


@given(networks)
def test_without_a_limit_each_layer_gets_its_fastest(layers):
    chosen = choose(layers, None)
    assert [c.cycles for c in chosen] == [min(c.cycles for c in offered) for offered in layers]


#: A first choice that is poor as only one is kept after each layer, so that it must be bettered.
_POOR_FIRST = mock.patch.object(knapsack, "WIDTHS", (1, 1024))


@given(networks, st.integers(0, 150))
def test_no_other_choice_that_fits_is_faster(layers, limit):
    fitting = [every for every in product(*layers) if flash(every) <= limit]
    with _POOR_FIRST:
        chosen = choose(layers, limit)
    if fitting:
        assert flash(chosen) <= limit
        assert cycles(chosen) == min(map(cycles, fitting))
    else:
        smallest = min(map(flash, product(*layers)))
        assert flash(chosen) == smallest
        assert cycles(chosen) == min(cycles(c) for c in product(*layers) if flash(c) == smallest)


@given(networks, st.one_of(st.none(), st.integers(0, 150)))
def test_no_other_small_choice_is_better(layers, limit):
    fastest = cycles(choose(layers, None))

    def loss(chosen):
        return cycles(chosen) + flash(chosen) * fastest / (100 * BYTES_PER_PERCENT)

    fitting = [c for c in product(*layers) if limit is None or flash(c) <= limit]
    with _POOR_FIRST:
        chosen = choose(layers, limit, small=True)
    if fitting:
        assert loss(chosen) <= min(map(loss, fitting)) + 1e-6
    else:
        assert flash(chosen) == min(map(flash, product(*layers)))


@pytest.mark.parametrize("seed", range(4))
def test_a_narrow_search_misses_little(seed, monkeypatch):
    """Where partial choices are dropped: 60 layers that share, beside a search for many more."""
    rng = random.Random(seed)
    layers = many_layers(rng, 60)
    limit = sum(flash([max(o, key=lambda c: sum(c.flash.values()))]) for o in layers) // 2
    monkeypatch.setattr(knapsack, "WIDTHS", (32, 4096))
    wide = choose(layers, limit)
    monkeypatch.setattr(knapsack, "WIDTHS", (32,))
    narrow = choose(layers, limit)
    assert flash(wide) <= limit
    assert flash(narrow) <= limit
    assert cycles(wide) <= cycles(narrow) <= 1.02 * cycles(wide)


def many_layers(rng: random.Random, count: int) -> list[list[Offer]]:
    """Layers with a large fast candidate, and slower ones that are smaller or shared."""
    tiles = {f"tile{n}": rng.randrange(500, 3000) for n in range(8)}
    layers = []
    for i in range(count):
        work = rng.randrange(10_000, 1_000_000)
        tile = rng.choice(sorted(tiles))
        layers.append(
            [
                Offer(work, {(i, "code"): rng.randrange(2000, 20_000)}),
                Offer(work * 3 // 2, {(i, "data"): rng.randrange(500, 4000), tile: tiles[tile]}),
                Offer(work * 4, {(i, "loops"): 300}),
            ]
        )
    return layers


def shared_and_own(count: int, own_bytes: int, shared_bytes: int) -> list[list[Offer]]:
    """Layers with a candidate of their own each, and a slower one that they share."""
    return [
        [
            Offer(10_000, {("own", i): own_bytes}),
            Offer(10_100, {"shared": shared_bytes, ("sizes", i): 20}),
        ]
        for i in range(count)
    ]


def test_layers_share_only_together():
    """The first layer alone would pay for all of the shared thing."""
    small = choose(shared_and_own(8, 1500, 2500), None, small=True)
    assert flash(small) == 2500 + 8 * 20
    small = choose(shared_and_own(2, 1000, 2500), None, small=True)
    assert flash(small) == 2 * 1000


def test_only_as_many_layers_share_as_the_limit_asks_for():
    layers = shared_and_own(8, 1500, 2500)
    layers[0][1] = Offer(90_000, layers[0][1].flash)
    chosen = choose(layers, 9000)
    assert flash(chosen) <= 9000
    assert chosen[0] is layers[0][0]
    assert 1 <= sum(c.cycles == 10_000 for c in chosen) <= 4
    assert choose(layers, 100_000) == [offered[0] for offered in layers]


def test_a_limit_changes_kernels_and_never_a_result():
    data = NETWORKS["shared_functions"]()
    free = compile_bytes(data, "net", board="mps2-an386").program
    tight = compile_bytes(data, "net", board="mps2-an386", flash_limit=0).program
    assert {f.definition for f in free.functions} != {f.definition for f in tight.functions}
    assert len(free.calls) == len(tight.calls)
