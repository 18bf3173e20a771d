"""What an inference costs on a device."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.runner.device import Device


@dataclass(frozen=True, slots=True)
class Measurement:
    """Costs per inference, in the unit that the device counts.

    Attributes:
        unit: ``instructions``, ``cycles`` or ``nanoseconds``.
        resolution: Smallest difference that the device's clock shows, in units.
        units_per_second: Of the clock; only of use where the unit is no instruction.
        total: Units of a whole inference without tracing.
        layers: Units per layer, from a traced inference.
        stack_bytes: Deepest stack.
    """

    unit: str
    resolution: int
    units_per_second: int
    total: int
    layers: tuple[int, ...]
    stack_bytes: int

    @property
    def counts_instructions(self) -> bool:
        """Whether the device is an emulator that counts instructions."""
        return self.unit == "instructions"

    def as_units(self, units: int) -> dict[str, int | float | None]:
        """A cost as ``instructions``, ``cycles`` and ``time_us``, each where it means something."""
        return {
            "instructions": units if self.counts_instructions else None,
            "cycles": units if self.unit == "cycles" else None,
            "time_us": None
            if self.counts_instructions
            else round(1e6 * units / self.units_per_second, 3),
        }


def measure(device: Device, runs: int) -> Measurement:
    """Runs the model on the inputs that the device holds and reads its clock.

    The total and the stack come from runs that nobody watches; the layers' times from one more run
    that stops the clock between layers.
    """
    identity = device.identity
    device.reset_state()
    quiet = device.run(runs, quiet=True)
    stack_bytes = device.stats().stack_used_bytes
    device.run(1)
    return Measurement(
        unit=identity.timer_unit.name.lower(),
        resolution=identity.timer_resolution,
        units_per_second=identity.timer_hz,
        total=round(quiet.total / runs),
        layers=tuple(device.layer_times()),
        stack_bytes=stack_bytes,
    )
