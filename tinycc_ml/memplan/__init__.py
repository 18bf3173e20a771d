"""Memory planning: lifespans, offsets in one arena, and an independent check."""

from tinycc_ml.memplan.bound import lower_bound_bytes
from tinycc_ml.memplan.check import check_plan
from tinycc_ml.memplan.execution import Execution, Scratch, Step
from tinycc_ml.memplan.lifespan import plan_problem
from tinycc_ml.memplan.plan import MemoryPlan, Placement
from tinycc_ml.memplan.planner import plan_memory, solve
from tinycc_ml.memplan.problem import PlannedBuffer, PlanProblem
from tinycc_ml.memplan.program_plan import Io, external_values, plan_program, storage_root

__all__ = [
    "Execution",
    "Io",
    "MemoryPlan",
    "Placement",
    "PlanProblem",
    "PlannedBuffer",
    "Scratch",
    "Step",
    "check_plan",
    "external_values",
    "lower_bound_bytes",
    "plan_memory",
    "plan_problem",
    "plan_program",
    "solve",
    "storage_root",
]
