"""Registering: is this the host that we were told to expect, and is its BMC ours alone?"""

from __future__ import annotations

from inventory.model import Host
from inventory.states import HostState
from provisioning.lifecycle.actions import RecordIdentity
from provisioning.lifecycle.adopting import adopt
from provisioning.lifecycle.decision import Advance, Decision, Do, Hold, Look, Seen, Wait, Wanted

LOOK = Look.IDENTITY | Look.POWER | Look.OPENNESS
RECHECK_S = 5.0


def decide_registering(host: Host, seen: Seen, wanted: Wanted) -> Decision:
    """Compare the serial that the BMC reports with the expected one, record its UUID, adopt it."""
    identity = seen.identity
    if identity is None:
        return Wait("the BMC has not said which host it is", RECHECK_S)
    if not identity.serial:
        return Wait("the BMC does not say which serial number the host has", RECHECK_S)
    if identity.serial != host.serial:
        return Hold(
            "wrong-host",
            f"the BMC at {host.bmc.address} reports serial {identity.serial}, "
            f"expected {host.serial}",
            f"check the cable; when the record is wrong, correct it: podyard host bmc {host.name} "
            f"--address redfish+https://HOST:PORT, or --serial {identity.serial} when this is the "
            "host",
        )
    if identity.uuid != host.uuid or host.register_again:
        if host.uuid and not host.register_again:
            return Hold(
                "wrong-host",
                f"serial {host.serial} now reports UUID {identity.uuid}, recorded {host.uuid}",
                "a mainboard was replaced: say that you know of it, "
                f"podyard host bmc {host.name} --serial {host.serial}",
            )
        return Do(RecordIdentity(), "first contact")
    if (next_act := adopt(host, seen, wanted)) is not None:
        return next_act
    return Advance(HostState.INSPECTING, f"{identity.manufacturer} {identity.model} registered")
