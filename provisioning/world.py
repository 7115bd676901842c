"""What the controller is given to work with: every outside thing comes in here, by hand.

Production builds one of these in the composition root; a simulation builds another one with a
virtual clock and an in-process BMC. The controller itself cannot tell the difference.
"""

from __future__ import annotations

import secrets as randomness
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from inventory.clock import Clock
from inventory.model import Host
from inventory.readings.keeping import Readings
from inventory.secrets import SecretBox
from inventory.store.protocol import Store
from inventory.threads import InThread
from pods.keys import SigningKey
from provisioning.bmcs import BmcPool
from provisioning.boot.media import BootDoor
from provisioning.faultpoints import FaultPoints
from provisioning.pacing import Pacing
from provisioning.profiles import Shelf
from provisioning.settings import ProvisioningSettings


@dataclass(frozen=True, slots=True)
class PlayResult:
    """How a playbook run ended."""

    ok: bool
    changed: int
    task: str = ""
    """The task that failed."""
    output: str = ""
    """What it said, trimmed."""


class Player(Protocol):
    """Runs the base playbook on a host. Converges: a second run changes nothing."""

    async def configure(self, host: Host, variables: dict[str, str]) -> PlayResult:
        """Run it; never raises for a playbook that fails."""


class BmcAuthority(Protocol):
    """Signs what BMCs ask for."""

    def issue_bmc(self, csr_pem: str, *, name: str, now: datetime) -> str:
        """A server certificate (PEM) for the key that the request is for, or Invalid."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside."""

    store: Store
    secrets: SecretBox
    clock: Clock
    bmcs: BmcPool
    door: BootDoor
    player: Player
    signing_key: SigningKey
    simulated_key: SigningKey
    settings: ProvisioningSettings
    faults: FaultPoints
    in_thread: InThread
    shelf: Shelf = field(default_factory=Shelf)
    pacing: Pacing | None = None
    """What hears BMCs' exchanges; None: nobody does, and only the upper bound holds."""
    bmc_authority: BmcAuthority | None = None
    """Signs certificates for BMCs; None: none are installed."""
    hold_file: Path | None = None
    """Its presence holds the fleet; None: only the database's note does."""
    readings: Readings | None = None
    """What telemetry kept; None: nobody reads meters, and what was promised counts."""
    image_told: Callable[[str], str] = lambda _host_id: ""
    """What a host waits for at the image server, and its place there; empty: for nothing."""
    image_turned_away: Callable[[str], bool] = lambda _host_id: False
    """Whether the image server told a host to come back since it was asked last."""
    loop_news: Mapping[str, datetime] = field(default_factory=dict)
    """Pod to when a cooling loop of it closed: what is known of it before then is old."""
    new_id: Callable[[], str] = field(default=lambda: randomness.token_hex(8))
    """Names for what is written down; a simulation counts instead of drawing."""
