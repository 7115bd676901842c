"""A claim says how far its cluster is, from the request to the cluster that runs."""

from __future__ import annotations

from inventory.claimsteps import steps_of
from inventory.model import Claim
from tests.unit.runtime_control.builders import Site
from tests.unit.runtime_control.test_steps import Steps


def told(site: Site) -> list[tuple[str, bool, str]]:
    return [(s.step, s.done, s.says) for s in steps_of(site.store, site.got(Claim, "c1"))]


async def test_each_step_is_told_when_it_is_done(site: Site) -> None:
    steps = Steps(site)
    site.claim(count=2)
    asked = ("asked", True, "2 of lab-cpu")
    assert [done for _, done, _ in told(site)] == [True, False]
    steps.bind()
    assert told(site)[2:] == [("cluster", False, "not begun")]
    await steps.tend()
    begun = [one for one in told(site) if one[0] == "ray"]
    assert begun == [("ray", False, f"h{n}-u0: its agent has not begun") for n in (1, 2)]
    await steps.form()
    assert told(site) == [
        asked,
        ("bound", True, "h1-u0, h2-u0"),
        ("ray", True, "h1-u0: head running"),
        ("ray", True, "h2-u0: worker running"),
        ("cluster", True, "main running: 2 nodes"),
    ]
    assert all(step.at for step in steps_of(site.store, site.got(Claim, "c1")))


async def test_claim_that_waits_says_why(site: Site) -> None:
    steps = Steps(site)
    site.claim(count=20)
    steps.bind()
    [_, (step, done, says)] = told(site)
    assert (step, done) == ("bound", False)
    assert says
