"""Which roles a host gets: by what was found in it, never by what it is called.

Pure. A role that has nothing to do on a host is not run there, so that what an operator sees of a
run is what concerns the host.
"""

from __future__ import annotations

import re
from typing import Literal

from pods.facts import HardwareFacts
from provisioning.inband.values import SiteValues

Role = Literal["base", "nvidia", "amd", "rdma", "cache", "agent"]
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,14}")
"""What a kernel takes for one; a BMC calls its ports otherwise, and those are no rails here."""


def roles_of(facts: HardwareFacts | None, values: SiteValues) -> tuple[Role, ...]:
    """In the order in which they run: what others stand on comes first."""
    models = [one.model.upper() for one in facts.accelerators] if facts else []
    found: list[Role] = ["base"]
    if values.nvidia is not None and any("NVIDIA" in model for model in models):
        found.append("nvidia")
    if values.amd is not None and any("AMD" in model for model in models):
        found.append("amd")
    if values.rdma is not None and rails_of(facts, values.rdma.speed_gbps_min):
        found.append("rdma")
    if values.cache is not None and facts is not None and facts.drives:
        found.append("cache")
    if values.agent is not None:
        found.append("agent")
    return tuple(found)


def rails_of(facts: HardwareFacts | None, speed_gbps_min: int) -> tuple[str, ...]:
    """The interfaces of the compute network, by the names that the host's kernel gave them."""
    nics = facts.nics if facts is not None else ()
    fast = (nic.slot for nic in nics if (nic.speed_gbps or 0) >= speed_gbps_min)
    return tuple(sorted(name for name in fast if _INTERFACE.fullmatch(name)))
