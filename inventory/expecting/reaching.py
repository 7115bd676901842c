"""Where BMCs may be at this site: read from the networks that admins declared."""

from __future__ import annotations

from inventory.found_bmcs import BmcNetwork
from inventory.outbound.bmc_address import Reach, reach_over
from inventory.store.protocol import Store
from inventory.store.reading import every


def reach_of(store: Store, *, simulated: bool) -> Reach:
    """Where BMCs of real or of simulated hosts may be.

    Until networks are declared, simulated ones may be on loopback, and none in places where a BMC
    never is.
    """
    declared = every(store, BmcNetwork)
    mine = [one.cidr for one in declared if simulated or not one.simulated]
    return reach_over(mine, loopback=simulated)
