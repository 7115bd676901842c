"""What telemetry is given to work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from inventory.clock import Clock
from inventory.model import Host
from inventory.readings.keeping import Readings
from inventory.store.protocol import Fence, Store
from inventory.threads import InThread
from provisioning.drivers.protocol import Bmc
from provisioning.telemetry.inbox import Inbox
from provisioning.telemetry.settings import TelemetrySettings

OpenBmc = Callable[[Host], Awaitable[Bmc]]


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside."""

    store: Store
    readings: Readings
    clock: Clock
    open_bmc: OpenBmc
    in_thread: InThread
    settings: TelemetrySettings
    fence: Fence
    """Of the lease under which this worker reads, and writes what it read."""
    inbox: Inbox | None = None
    """Where events come in that BMCs send; None: none are asked for."""
    door_url: str = ""
    """Where BMCs reach that door: `https://host:port`."""
    secret_of: Callable[[str, str], str] = lambda _host_id, _name: ""
    """A secret of one host under a name, the same in every life of the service."""
