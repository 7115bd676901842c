"""Logs: the newest entries of every LogService of a host's System, BMC and chassis.

A log is somebody else's text with somebody else's clock. It is shown to people beside what podyard
saw itself, and nothing is decided by it. The newest come last in most services and first in some,
so they are put in order by their time, and by their place where a BMC has no clock.
"""

from __future__ import annotations

from datetime import UTC, datetime

from provisioning.drivers.capabilities import Capability, LogEntry, lacking
from provisioning.drivers.redfish.answers import Json, reference, text
from provisioning.drivers.redfish.resources import Resources

MAX_ENTRIES = 200
"""Of each log: a SEL holds some thousand lines, and each may be a read of its own."""
MAX_LOGS = 6
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def log_entries(resources: Resources) -> tuple[LogEntry, ...]:
    """The newest of every log, oldest first."""
    services = await _services(resources)
    if not services:
        raise lacking(Capability.LOGS, where=resources.session.label)
    found: list[LogEntry] = []
    for service in services[:MAX_LOGS]:
        source = text(service.get("Id")) or text(service.get("Name"))
        entries = await resources.newest(reference(service, "Entries"), most=MAX_ENTRIES)
        found += [_entry(one, source) for one in entries]
    return tuple(sorted(found, key=lambda entry: entry.at or _LONG_AGO))


async def _services(resources: Resources) -> list[Json]:
    system = (await resources.system()).body
    holders = (system, await resources.manager(system), await resources.chassis(system))
    found: list[Json] = []
    for listed in dict.fromkeys(reference(holder, "LogServices") for holder in holders):
        found += await resources.members(listed)
    return found


def _entry(found: Json, source: str) -> LogEntry:
    return LogEntry(
        id=text(found.get("Id")),
        at=moment(found.get("Created")),
        severity=text(found.get("Severity")),
        message=text(found.get("Message")) or text(found.get("MessageId")),
        source=source,
    )


def moment(value: object) -> datetime | None:
    """A date and time with its zone; None for what is none."""
    try:
        found = datetime.fromisoformat(text(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
