"""The BMC's log as a LogService of its Manager."""

from __future__ import annotations

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.redfish.resource import (
    ENABLED,
    Body,
    Builders,
    collection,
    link,
    resource,
)
from provisioning.simulator.redfish.sessions import timestamp
from provisioning.simulator.state import LogLine

ENTRY_TYPE = "#LogEntry.v1_16_1.LogEntry"


def fixed(bmc: SimulatedBmc) -> Builders:
    """The services and the one log."""
    listed = f"{bmc.paths.manager}/LogServices"
    sel = f"{listed}/SEL"
    return {
        listed: lambda: collection(listed, "LogServiceCollection", name="Logs", members=["SEL"]),
        sel: lambda: resource(
            sel,
            "LogService.v1_5_1.LogService",
            name="System Event Log",
            LogEntryType="Event",
            OverWritePolicy="WrapsWhenFull",
            ServiceEnabled=True,
            Status=ENABLED,
            Entries=link(f"{sel}/Entries"),
        ),
        f"{sel}/Entries": lambda: entries(bmc, f"{sel}/Entries"),
    }


def entries(bmc: SimulatedBmc, path: str) -> Body:
    """Every line, whole, as BMCs list them."""
    body = collection(path, "LogEntryCollection", name="Entries", members=[])
    members = [entry(path, line) for line in bmc.host.state.log]
    return {**body, "Members": members, "Members@odata.count": len(members)}


def moving(bmc: SimulatedBmc, path: str) -> Body | None:
    """One line by its path."""
    parent, _, name = path.rpartition("/")
    if parent != f"{bmc.paths.manager}/LogServices/SEL/Entries":
        return None
    found = (line for line in bmc.host.state.log if str(line.number) == name)
    return next((entry(parent, line) for line in found), None)


def entry(path: str, line: LogLine) -> Body:
    """One line."""
    return resource(
        f"{path}/{line.number}",
        ENTRY_TYPE.removeprefix("#"),
        name=f"Entry {line.number}",
        EntryType="Event",
        Created=timestamp(line.at),
        Severity=line.severity,
        Message=line.message,
    )
