"""IPMI over LAN at a Redfish BMC: seen and switched off, since podyard does not need it there.

Its log-in hands anybody who asks a hash of the password, whatever the password is.
"""

from __future__ import annotations

from provisioning.drivers.redfish.answers import reference
from provisioning.drivers.redfish.resources import Resources


async def ipmi_over_lan(resources: Resources) -> bool | None:
    """What the manager's NetworkProtocol says of it."""
    said = (await resources.network_protocol()).get("IPMI")
    enabled = said.get("ProtocolEnabled") if isinstance(said, dict) else None
    return enabled if isinstance(enabled, bool) else None


async def close_ipmi_over_lan(resources: Resources) -> None:
    """Switch it off, unless it is off or not told of."""
    protocol = await resources.network_protocol()
    said, path = protocol.get("IPMI"), reference(protocol)
    if path is None or not isinstance(said, dict) or said.get("ProtocolEnabled") is not True:
        return
    tag = protocol.get("@odata.etag")
    await resources.session.patch(
        path,
        {"IPMI": {"ProtocolEnabled": False}},
        etag=tag if isinstance(tag, str) and tag.isprintable() else None,
    )
