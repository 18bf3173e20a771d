"""Benchmarks that anyone can repeat; each module is a program: ``python -m benchmarks.models``."""
