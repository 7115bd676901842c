"""A hall in which every cable is one port off is one finding, in a time that grows with it."""

from __future__ import annotations

import time

from pods.cabling import Cable, End
from pods.neighbours import Port, miscablings


def shifted(count: int) -> tuple[list[Cable], dict[Port, Port]]:
    """Every host's cable is plugged where the next one's belongs: one chain of all."""
    cables = [
        Cable(
            label=f"c{n}",
            kind="host-leaf",
            a=End(f"h{n}", "host", "r", 1, "rail1"),
            z=End("leaf", "switch", "r", 2, f"p{n}"),
            type="dac-passive",
            length_m=1,
            gbps=400,
        )
        for n in range(count)
    ]
    seen = {(f"h{n}", "rail1"): ("leaf", f"p{(n + 1) % count}") for n in range(count)}
    return cables, seen


def seconds(count: int) -> float:
    cables, seen = shifted(count)
    began = time.process_time()
    (found,) = miscablings(cables, seen)
    spent_s = time.process_time() - began
    assert (found.kind, len(found.cables)) == ("mixed", count)
    return spent_s


def test_a_hall_that_is_one_port_off_is_one_group_and_not_found_pair_by_pair() -> None:
    """A ratio on one machine: pairwise it would be a hundred."""
    seconds(500)
    assert seconds(20_000) < 30 * max(seconds(2_000), 0.002)
