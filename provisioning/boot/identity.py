"""Whether the agent that presents a boot token runs on the host that its medium was made for.

For a boot that destroys nothing it is enough that nothing speaks against it. A boot that writes or
erases disks goes on only where something speaks for it.
"""

from __future__ import annotations

from inventory.agents import EnrolRequest
from inventory.model import Host
from inventory.same_host import Marks, against, unproven
from provisioning.boot.orders import destroys


def marks_of(host: Host) -> Marks:
    """What the record knows the host by."""
    nics = host.facts.nics if host.facts is not None else ()
    return Marks(host.serial, tuple(nic.mac for nic in nics if nic.mac))


def another_host(host: Host, request: EnrolRequest) -> str:
    """Why the agent is turned away as none of this host; or nothing."""
    found = Marks(request.found_serial, request.macs)
    if host.boot is not None and destroys(host.boot):
        return unproven(marks_of(host), found)
    return against(marks_of(host), found)
