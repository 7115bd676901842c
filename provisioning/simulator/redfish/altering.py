"""What faults make of a resource: keys that are left out, ids that change, a second System.

Here a resource is altered as it is told, whatever the way it is read: by itself or expanded into
another one.
"""

from __future__ import annotations

import json
import re

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.redfish.resource import ROOT, Body, link, resource

DECOY = f"{ROOT}/Systems/HGX_Decoy_0"
SYSTEM_TYPE = "ComputerSystem.v1_22_0.ComputerSystem"


def inner_path(bmc: SimulatedBmc, path: str) -> str | None:
    """The path as the tree has it; None where an id of an earlier power-on is asked for."""
    changing = bmc.host.faults.planted("ids-change")
    if changing is None:
        return path
    found = re.fullmatch(rf"(.*/{re.escape(changing.word('path'))}/)([^/]+)(.*)", path)
    if found is None:
        return path
    name, _, number = found[2].rpartition(".")
    return found[1] + name + found[3] if number == str(bmc.host.state.power_ons) else None


def altered(bmc: SimulatedBmc, path: str, body: Body) -> Body:
    """A resource as this BMC tells it."""
    faults = bmc.host.faults
    missing = faults.planted("keys-missing")
    mended = missing is None or bmc.started >= missing.number("restarts")
    if missing is not None and not mended and path.endswith(missing.word("path")):
        left_out = set(missing.word("keys").split("+"))
        body = {key: value for key, value in body.items() if key not in left_out}
    if faults.planted("two-systems") and path == f"{ROOT}/Systems":
        members = [link(DECOY), *body["Members"]]
        body = {**body, "Members": members, "Members@odata.count": len(members)}
    changing = faults.planted("ids-change")
    if changing is not None:
        body = _with_new_ids(bmc, path, body, changing.word("path"))
    return body


def decoy(bmc: SimulatedBmc) -> Body:
    """A System that is no host: a careless client takes it, for it is the first."""
    return resource(
        DECOY,
        SYSTEM_TYPE,
        name="HGX_Decoy_0",
        SystemType="Physical",
        SerialNumber=f"DECOY{bmc.host.plan.serial[:4]}",
        Status={"State": "Enabled", "Health": "OK"},
    )


def _with_new_ids(bmc: SimulatedBmc, path: str, body: Body, collection: str) -> Body:
    number = bmc.host.state.power_ons
    text = re.sub(
        rf'("/[^"]*/{re.escape(collection)}/)([^/"#]+)', rf"\1\2.{number}", json.dumps(body)
    )
    found: Body = json.loads(text)
    if path.rpartition("/")[0].endswith(f"/{collection}"):
        found["Id"] = f"{found['Id']}.{number}"
    return found
