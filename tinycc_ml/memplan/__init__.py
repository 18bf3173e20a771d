"""Memory planning: lifespans, offsets in one arena, and an independent check."""

from tinycc_ml.memplan.bound import lower_bound_bytes
from tinycc_ml.memplan.check import check_plan
from tinycc_ml.memplan.check_state import check_states
from tinycc_ml.memplan.curve import ram_curve
from tinycc_ml.memplan.distance import safe_distance_bytes
from tinycc_ml.memplan.execution import (
    Execution,
    KeptState,
    OrderedRead,
    Scratch,
    Step,
    WriteOrder,
)
from tinycc_ml.memplan.fullest import scratch_at_fullest
from tinycc_ml.memplan.lifespan import plan_problem
from tinycc_ml.memplan.plan import ArenaRegion, MemoryPlan, Placement, SharedBytes, StatePlacement
from tinycc_ml.memplan.planner import plan_memory, solve
from tinycc_ml.memplan.problem import Overlap, PlannedBuffer, PlanProblem, WholePixels
from tinycc_ml.memplan.program_order import order_program
from tinycc_ml.memplan.program_plan import (
    Io,
    Optimize,
    external_values,
    plan_method,
    plan_program,
    plan_program_in_regions,
    storage_root,
)
from tinycc_ml.memplan.regions import RegionLimit
from tinycc_ml.memplan.skyline import Budget
from tinycc_ml.memplan.stream import Streamed, Streaming

__all__ = [
    "ArenaRegion",
    "Budget",
    "Execution",
    "Io",
    "KeptState",
    "MemoryPlan",
    "Optimize",
    "OrderedRead",
    "Overlap",
    "Placement",
    "PlanProblem",
    "PlannedBuffer",
    "RegionLimit",
    "Scratch",
    "SharedBytes",
    "StatePlacement",
    "Step",
    "Streamed",
    "Streaming",
    "WholePixels",
    "WriteOrder",
    "check_plan",
    "check_states",
    "external_values",
    "lower_bound_bytes",
    "order_program",
    "plan_memory",
    "plan_method",
    "plan_problem",
    "plan_program",
    "plan_program_in_regions",
    "ram_curve",
    "safe_distance_bytes",
    "scratch_at_fullest",
    "solve",
    "storage_root",
]
