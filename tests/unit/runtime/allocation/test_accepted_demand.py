"""How much of what is asked for is accepted, against bounds and against an exact solver.

Where quotas bind nobody, a knapsack per class bounds what any solver could accept: it knows no
topology and no sites. To come within 3 % of it is to come within 3 % of the best there is. Between
tenants the turn goes by what they hold and not by what fits best, which costs some demand: that is
what fair shares are for, and it is bounded here on average.
"""

from __future__ import annotations

import itertools
import statistics
import sys

import pytest
from ortools.sat.python import cp_model

from tests.unit.runtime.allocation.cp_sat import GAP_MOST, best_accepted
from tests.unit.runtime.allocation.instances import Instance, accepted, bound, instance

SHARE_MIN = 0.97
TENANTS = 12
WORST_BETWEEN_TENANTS = 0.9
"""Fair turns give a tenant units of which another could have made more: in the worst instance that
costs 8.5 % of what a solver accepts that knows no turns."""


def share_of(given: Instance, best: int) -> float:
    got, judge = accepted(given)
    assert judge.violations == []
    return got / best


@pytest.mark.parametrize("demand", [1.1, 1.3, 1.6])
def test_accepted_demand_is_within_three_per_cent_of_what_no_solver_can_pass(
    demand: float,
) -> None:
    for seed in range(8):
        given = instance(seed, hosts=200, demand=demand, tenants=1, quotas=False)
        assert share_of(given, bound(given)) >= SHARE_MIN


def test_fair_turns_between_tenants_cost_less_than_three_per_cent_on_average() -> None:
    given = [instance(n, hosts=200, demand=1.3, tenants=TENANTS, quotas=False) for n in range(20)]
    assert statistics.fmean(share_of(one, bound(one)) for one in given) >= SHARE_MIN


def test_with_quotas_no_rule_is_broken() -> None:
    for seed in range(6):
        given = instance(seed, hosts=120, demand=1.5, tenants=TENANTS, quotas=True)
        assert share_of(given, bound(given)) <= 1


@pytest.mark.long
@pytest.mark.parametrize(("tenants", "quotas"), [(1, False), (TENANTS, False), (TENANTS, True)])
def test_accepted_demand_is_within_three_per_cent_of_an_exact_solver(
    *, tenants: int, quotas: bool
) -> None:
    """On average over 42 instances of 200 hosts; with one tenant in every single one of them.

    Where the solver has not closed its gap in time, what is compared with is its bound.
    """
    shares = []
    for demand, seed in itertools.product((1.1, 1.3, 1.6), range(14)):
        given = instance(seed, hosts=200, demand=demand, tenants=tenants, quotas=quotas)
        best, most = best_accepted(given, cp_model)
        done = best >= most * (1 - GAP_MOST)
        shares.append(share_of(given, best if done else round(most)))
    mean, worst = statistics.fmean(shares), min(shares)
    sys.stdout.write(
        f"mean {mean:.4f}, worst {worst:.4f}, short {sum(s < SHARE_MIN for s in shares)}\n"
    )
    assert mean >= SHARE_MIN
    assert worst >= (WORST_BETWEEN_TENANTS if tenants > 1 else SHARE_MIN)
