"""Settings of the whole test suite."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Two test processes share a machine with compilers and emulators: time says nothing about a test.
# Derandomized, so that a failure in continuous integration can be repeated.
settings.register_profile(
    "default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("default")
