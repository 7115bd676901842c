"""Restarting the BMC itself: a remedy for one that is stuck. Its host runs on.

Kept apart from the host's power on purpose: there is no code here that could reset a host.
"""

from __future__ import annotations

from provisioning.drivers.redfish.answers import action_target, mapping
from provisioning.drivers.redfish.resources import Resources
from provisioning.errors import Unsupported

_RESET = "#Manager.Reset"
_OFFERED = "ResetType@Redfish.AllowableValues"
_WANTED = ("GracefulRestart", "ForceRestart")
"""In order of preference; neither resets to factory settings."""


async def restart_manager(resources: Resources) -> None:
    """One request, never repeated: the BMC goes away while it answers, or before."""
    manager = await resources.manager((await resources.system_as_told()).body)
    target = action_target(manager, _RESET)
    offered = mapping(mapping(manager.get("Actions")).get(_RESET)).get(_OFFERED)
    usable = [kind for kind in _WANTED if not isinstance(offered, list) or kind in offered]
    if target is None or not usable:
        raise Unsupported(
            f"{resources.session.label}: this BMC cannot be asked to restart",
            hint="pull its power cord for 30 s, if nothing else helps",
        )
    await resources.session.post(target, {"ResetType": usable[0]})
