"""The same instance for an exact solver: who is accepted, in which group, on which racks.

Racks of these instances hold one class and lie in one leaf, pod and site, so that units of a rack
are alike and it is enough to count them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from runtime.allocation.unit import DEPTH, LEVELS, Unit
from tests.unit.runtime.allocation.instances import Instance, units_min, weight

SECONDS_MOST = 60.0
GAP_MOST = 0.01


def best_accepted(given: Instance, cp_model: Any) -> tuple[int, float]:
    """The best accepted demand that the solver found, and its bound on what there could be."""
    model = cp_model.CpModel()
    racks: dict[str, list[Unit]] = defaultdict(list)
    for unit in given.units:
        if unit.bar is None:
            racks[unit.rack].append(unit)
    on: dict[str, list[Any]] = defaultdict(list)
    spent: dict[str, list[Any]] = defaultdict(list)
    worth: list[Any] = []
    for one in given.asks:
        wanted, depth, need = one.parts[0], DEPTH[one.parts[0].within], units_min(one)
        assert len(LEVELS) > depth
        groups: dict[str, list[Any]] = defaultdict(list)
        for rack, units in racks.items():
            if units[0].kind.unit_class in wanted.choice.classes:
                count = model.NewIntVar(0, min(need, len(units)), f"{one.id} on {rack}")
                on[rack].append(count)
                groups[units[0].groups[depth]].append(count)
        chosen = []
        for group, counts in groups.items():
            here = model.NewBoolVar(f"{one.id} in {group}")
            model.Add(sum(counts) == need * here)
            chosen.append(here)
        model.AddAtMostOne(chosen)
        worth += [weight(one) * here for here in chosen]
        charge = need * next(u.charge for u in given.units if u.kind.unit_class in
                             wanted.choice.classes)  # fmt: skip
        spent[one.tenant] += [charge * here for here in chosen]
    for rack, counts in on.items():
        model.Add(sum(counts) <= len(racks[rack]))
    for quota in given.quotas:
        if quota.limit_milli is not None and spent[quota.name]:
            model.Add(sum(spent[quota.name]) <= quota.limit_milli)
    model.Maximize(sum(worth))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = SECONDS_MOST
    solver.parameters.relative_gap_limit = GAP_MOST
    solver.parameters.num_workers = 2
    solver.Solve(model)
    return round(solver.ObjectiveValue()), solver.BestObjectiveBound()
