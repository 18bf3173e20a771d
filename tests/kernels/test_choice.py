"""Choosing among candidates: against every possible choice, with things that layers share."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import compile_bytes
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


@given(networks, st.integers(0, 150))
def test_no_single_change_betters_the_choice(layers, limit):
    chosen = choose(layers, limit)
    fits = flash(chosen) <= limit
    for index, offered in enumerate(layers):
        for other in offered:
            changed = [*chosen[:index], other, *chosen[index + 1 :]]
            if fits:
                assert cycles(changed) >= cycles(chosen) or flash(changed) > limit
            else:
                assert flash(changed) >= flash(chosen)


@given(networks, st.integers(0, 150))
def test_it_fits_where_nothing_is_shared_and_anything_fits(layers, limit):
    apart = [
        [Offer(c.cycles, {(i, key): n for key, n in c.flash.items()}) for c in offered]
        for i, offered in enumerate(layers)
    ]
    assert (flash(choose(apart, limit)) <= limit) == any(
        flash(chosen) <= limit for chosen in product(*apart)
    )


@given(networks)
def test_no_single_change_betters_a_small_choice(layers):
    fastest = cycles(choose(layers, None))

    def loss(chosen):
        return cycles(chosen) + flash(chosen) * fastest / (100 * BYTES_PER_PERCENT)

    chosen = choose(layers, None, small=True)
    for index, offered in enumerate(layers):
        for other in offered:
            changed = [*chosen[:index], other, *chosen[index + 1 :]]
            assert loss(changed) >= loss(chosen) - 1e-6


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
