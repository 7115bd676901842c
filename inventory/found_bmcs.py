"""Where BMCs may be, who answered there, and the walks that asked.

What stands here was seen without credentials: it says who claims to be at an address, and nothing
is done because of it. Only a person, or an expected host that was declared so, makes it a host.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from inventory.model import Name, Record


class BmcNetwork(Record):
    """A network of management controllers, declared by an admin: the only place that is asked."""

    name: Name
    site: Name = "here"
    cidr: str
    ports: tuple[int, ...] = (443,)
    """Where Redfish may listen."""
    ipmi_port: int = 623
    """Where IPMI may listen (UDP); 0: it is not asked for."""
    simulated: bool = False
    """Of simulated BMCs: only then may it be on loopback."""
    version: int = 1


class FoundBmc(Record):
    """A management controller that answered, as it shows itself to strangers."""

    id: str
    address: str
    """As a host's record would have it: `redfish+https://10.1.0.7` or `ipmi://10.1.0.7`."""
    ip: str
    network: Name
    site: Name = "here"
    uuid: str = ""
    """Of the Redfish service, not of the host."""
    vendor: str = ""
    product: str = ""
    redfish_version: str = ""
    fingerprint: str = ""
    """Of the certificate that it showed."""
    vouched_by: str = ""
    """The authority of the site's that signed that certificate; empty: none did."""
    serials: tuple[str, ...] = ()
    """Serial numbers that it shows to strangers, in its service root or its certificate."""
    macs: tuple[str, ...] = ()
    ipmi: bool = False
    """Whether it also answered an IPMI presence ping."""
    state: Literal["found", "matched", "host"] = "found"
    expected: str = ""
    """The name of the expected host that it is."""
    host: str = ""
    """The name of the host whose BMC it is."""
    why: str = ""
    """Why it is nobody's, in words for an operator."""
    first_seen_at: datetime
    seen_at: datetime
    discovery: str = ""
    """The walk that saw it last."""
    version: int = 1


class Discovery(Record):
    """One walk over declared networks."""

    id: str
    networks: tuple[str, ...]
    asked_by: str
    state: Literal["waiting", "running", "done", "stopped", "failed"] = "waiting"
    seed: int
    """Orders the addresses: the same seed asks them in the same order."""
    addresses: int = 0
    """How many there are to ask."""
    asked: int = 0
    """How many were asked: where a walk that was cut off goes on."""
    answered: int = 0
    matched: int = 0
    why: str = ""
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1
