"""Whether the hardware that was just read is still the host on record.

Cables are swapped, mainboards replaced and addresses given to others, at any moment and not only
before a host is registered. Facts of another host must not be recorded, judged or certified: the
host is parked, and nothing more is done to whatever answers there.
"""

from __future__ import annotations

from inventory.model import Host
from pods.facts import HardwareFacts
from provisioning.lifecycle.decision import Hold


def stranger(host: Host, facts: HardwareFacts) -> Hold | None:
    """What to say of facts that are another host's. What a BMC leaves out contradicts nothing."""
    serial, uuid = facts.serial, facts.uuid.lower()
    if (serial or host.serial) == host.serial and (uuid or host.uuid) == host.uuid:
        return None
    return Hold(
        "wrong-host",
        f"the BMC at {host.bmc.address} now reports serial {serial}, UUID {uuid}; recorded are "
        f"{host.serial}, {host.uuid}",
        "check the cable and the address; when the mainboard was replaced, say that you know of "
        f"it: podyard host bmc {host.name} --serial {serial or host.serial}",
    )
