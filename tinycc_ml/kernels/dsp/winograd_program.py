"""Writes the steps of a transform as instructions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from tinycc_ml.kernels.dsp.winograd_algorithm import Step, Transform

#: Instructions that load a slot into its register, or store a result from its register.
Access = Callable[[int, str], tuple[str, ...]]


def run_transform(
    transform: Transform,
    registers: Mapping[int, str],
    *,
    load: Access | None = None,
    store: Access | None = None,
    lanes: bool = False,
) -> Iterator[str]:
    """The instructions of a transform.

    Args:
        transform: The steps.
        registers: The register of each slot. Slots may share one if the first is stored before the
            second is loaded.
        load: Loads an input just before the first step that reads it; without, all are there.
        store: Stores a result, by its number, as soon as it is known.
        lanes: Whether a register holds two numbers of 16 bits.
    """
    loaded: set[int] = set()
    for number, step in enumerate(transform.steps):
        for slot in (step.left, step.right):
            if load and slot < transform.inputs and slot not in loaded:
                yield from load(slot, registers[slot])
            loaded.add(slot)
        loaded.add(step.target)
        yield _instruction(step, registers, lanes=lanes)
        later = [other.target for other in transform.steps[number + 1 :]]
        if store and step.target in transform.results and step.target not in later:
            yield from store(transform.results.index(step.target), registers[step.target])


def _instruction(step: Step, registers: Mapping[int, str], *, lanes: bool) -> str:
    target, left, right = (registers[slot] for slot in (step.target, step.left, step.right))
    if lanes:
        assert step.shift == 0  # shifts would move bits from one half to the other
        return f"{'sadd16' if step.sign > 0 else 'ssub16'} {target}, {left}, {right}"
    shift = f", lsl #{step.shift}" if step.shift else ""
    return f"{'add' if step.sign > 0 else 'sub'} {target}, {left}, {right}{shift}"
