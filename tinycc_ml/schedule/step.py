"""What every step of a schedule is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from tinycc_ml.loopir import LoopKernel


class Step(ABC):
    """A checked rewrite of a kernel that computes the same; subclasses are frozen dataclasses.

    The fields are strings, integers, booleans or tuples of strings, so that a schedule can be
    printed, compared and stored.
    """

    #: The word in printed schedules and in tuning records.
    name: ClassVar[str]

    @abstractmethod
    def apply(self, kernel: LoopKernel) -> LoopKernel:
        """The rewritten kernel.

        Raises:
            ScheduleError: With the reason why the step is not legal on this kernel.
        """

    @abstractmethod
    def arguments(self) -> tuple[str, ...]:
        """What stands in the brackets of a printed step."""

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.arguments())})"
