"""The real models reach their proved optimum, at once."""

from __future__ import annotations

import time
from dataclasses import replace

from tinycc_ml.memplan import PlanProblem, lower_bound_bytes, solve


def test_all_ten_instances_are_there(instances):
    assert len(instances) == 10


def test_every_model_reaches_its_optimum(instances):
    reached = {i.name: solve(i.problem).arena_bytes for i in instances}
    assert reached == {i.name: i.optimum_bytes for i in instances}


def test_the_bound_is_the_published_one(instances):
    raw = [i for i in instances if i.bound_bytes is not None]
    assert len(raw) == 5
    assert {i.name: lower_bound_bytes(i.problem) for i in raw} == {
        i.name: i.bound_bytes for i in raw
    }


def test_with_overlaps_every_model_reaches_its_optimum(overlap_instances):
    plans = {i.name: solve(i.problem) for i in overlap_instances}
    assert len(plans) == 5
    reached = {name: plan.arena_bytes for name, plan in plans.items()}
    assert reached == {i.name: i.optimum_bytes for i in overlap_instances}
    assert {name: plan.gap_bytes for name, plan in plans.items()} == dict.fromkeys(plans, 0)


def test_with_ascending_kernels_only_one_model_needs_more(overlap_instances):
    """What kernels that never run backwards can reach; the bound proves each of them."""
    plans = {}
    for instance in overlap_instances:
        forward = tuple(replace(o, backward_bytes=None) for o in instance.problem.overlaps)
        plans[instance.name] = solve(PlanProblem(instance.problem.buffers, forward))
    assert {n.removesuffix(".overlap"): p.arena_bytes for n, p in plans.items()} == {
        "ad01_int8": 768,
        "kws_ref_model": 9536,  # 8384 with both: each depthwise layer moves 384 B down
        "pretrainedResnet_quant": 33296,
        "str_ww_ref_model": 3584,
        "vww_96_int8": 36864,
    }
    assert all(plan.gap_bytes == 0 for plan in plans.values())


def test_every_model_takes_at_most_50_ms(instances, overlap_instances):
    for instance in (*instances, *overlap_instances):
        times_s = []
        for _ in range(5):
            start_s = time.process_time()
            solve(instance.problem)
            times_s.append(time.process_time() - start_s)
        # The best of five: a test machine is shared, the work is not.
        assert min(times_s) <= 0.050, instance.name
