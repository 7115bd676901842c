"""The judge of a bench counts what was done to hardware, domain by domain."""

from __future__ import annotations

from provisioning.bench.judge import Judge, Limits
from provisioning.simulator.journal import Entry


def judge() -> Judge:
    """Of four hosts in two racks, of which one may be written to at once in each."""
    places = {"a": ("r1", "f"), "b": ("r1", "f"), "c": ("r2", "f"), "d": ("r2", "f")}
    return Judge({"f": 1000.0}, Limits(rack=1, feed=2, site=2), places)


def flash(what: str, host: str, *, to: str = "2", task: int = 1) -> Entry:
    """A line of an update."""
    return {
        "seq": 1,
        "at": 0.0,
        "host": host,
        "feed": "f",
        "what": f"firmware.update.{what}",
        "component": "BIOS",
        "to": to,
        "task": task,
    }


def test_as_many_at_once_as_are_allowed_is_no_finding() -> None:
    heard = judge()
    for entry in (flash("start", "a"), flash("start", "c"), flash("done", "a")):
        heard.hear(entry)
    heard.hear(flash("start", "b"))
    assert heard.over_limits == 0
    assert heard.at_once == {"rack": 1, "feed": 2, "site": 2}


def test_one_more_in_a_rack_is_a_finding() -> None:
    heard = judge()
    heard.hear(flash("start", "a"))
    heard.hear(flash("start", "b"))
    assert heard.over_limits == 1
    assert heard.findings == ["rack r1: 2 hosts in an update at once, 1 may be"]


def test_one_that_failed_before_it_began_was_none() -> None:
    heard = judge()
    heard.hear(flash("failed", "b"))
    heard.hear(flash("start", "a"))
    heard.hear(flash("failed", "a"))
    heard.hear(flash("start", "b"))
    assert heard.over_limits == 0


def test_the_same_image_twice_is_a_double_unless_a_person_said_retry() -> None:
    heard = judge()
    for task in (1, 2):
        heard.hear(flash("start", "a", task=task))
        heard.hear(flash("done", "a", task=task))
    assert heard.double_destructive == 1
    heard.person_said_retry("a")
    heard.hear(flash("start", "a", task=3))
    assert heard.double_destructive == 1
