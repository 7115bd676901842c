"""Where things stand and what feeds them: sites, halls and rows, racks, feeds, equipment, cables.

A host names its site, rack and feed; these records say what those are. They are described by
people, specs or NetBox and never moved by the controller, so they carry no state.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from inventory.model import Custom, Name, Record, Tag

RACK_UNITS_MAX = 60
"""The tallest cabinets sold have 58."""


class Site(Record):
    """One place with an address: a building or a campus."""

    name: Name
    title: str = ""
    """As people write it; the name is for machines."""
    address: str = ""
    time_zone: str = ""
    """As the IANA names it: `Europe/Zurich`."""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    tags: tuple[Tag, ...] = ()
    custom: Custom = Field(default_factory=dict)
    version: int = 1


class Location(Record):
    """A hall of a site, or a row of a hall."""

    id: str
    site: Name
    name: Name
    kind: Literal["hall", "row"]
    parent: str = ""
    """The id of the location that this one is in."""
    title: str = ""
    tags: tuple[Tag, ...] = ()
    custom: Custom = Field(default_factory=dict)
    version: int = 1


class Rack(Record):
    """One cabinet."""

    id: str
    name: Name
    site: Name
    location: str = ""
    """The id of the hall or row that it stands in."""
    pod: str = ""
    rack_type: str = ""
    height_units: Annotated[int, Field(ge=1, le=RACK_UNITS_MAX)] = 42
    form: Literal["eia", "orv3"] = "eia"
    position_in_row: Annotated[int, Field(ge=0)] | None = None
    max_weight_kg: Annotated[float, Field(gt=0)] | None = None
    power_limit_watts: Annotated[float, Field(gt=0)] | None = None
    serial: str = ""
    asset_tag: str = ""
    tags: tuple[Tag, ...] = ()
    custom: Custom = Field(default_factory=dict)
    version: int = 1


HIGHEST_VOLTS, HIGHEST_AMPS = 100_000, 100_000
"""More than any rack is fed with; beyond them their product is no number that JSON can tell."""


class PowerFeed(Record):
    """One breaker's worth of power, and the racks that it serves."""

    id: str
    name: Name
    site: Name
    pod: str = ""
    racks: tuple[Name, ...] = ()
    side: Literal["A", "B"] = "A"
    volts: Annotated[float, Field(gt=0, le=HIGHEST_VOLTS)]
    amps: Annotated[float, Field(gt=0, le=HIGHEST_AMPS)]
    phases: Literal[1, 3] = 1
    continuous_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    """What may be drawn all day, as a share of the breaker; 80 % unless the site proves better."""
    budget_watts: Annotated[float, Field(gt=0)] | None = None
    """A tighter limit than the breaker's, for example of a transformer above it."""
    dead: str = ""
    """Why it is known to give no power; empty: it gives power, as far as anybody knows."""
    dead_seen: datetime | None = None
    """When the supplies of its hosts said so; null beside a reason: a person said so, and only a
    person takes it back."""
    tags: tuple[Tag, ...] = ()
    custom: Custom = Field(default_factory=dict)
    version: int = 1

    @property
    def continuous_watts(self) -> float:
        """What may be drawn all day (three phases: line voltage times the root of three)."""
        breaker = self.amps * self.volts * self.phases**0.5 * self.continuous_share
        return breaker if self.budget_watts is None else min(breaker, self.budget_watts)


class Equipment(Record):
    """What a pod needs beside its hosts: power distribution, coolant distribution, switches."""

    id: str
    kind: Literal["pdu", "power-shelf", "cdu", "switch"]
    name: Name
    site: Name
    pod: str = ""
    rack: str = ""
    position: float | None = None
    """The lowest rack unit that it fills."""
    model: str = ""
    serial: str = ""
    address: str = ""
    """Where it is managed."""
    leak: str = ""
    """Of a cooling unit: why its loop is closed; empty: it is dry, as far as anybody knows."""
    leak_seen: datetime | None = None
    """When its detectors said so; null beside a reason: a person said so."""
    asset_tag: str = ""
    tags: tuple[Tag, ...] = ()
    custom: Custom = Field(default_factory=dict)
    version: int = 1


class CableEnd(Record):
    """What one end of a cable goes into."""

    kind: Literal["host", "equipment"]
    id: str
    name: str = ""
    port: str


class Cable(Record):
    """One cable between two ports."""

    id: str
    label: str = ""
    site: Name = "here"
    pod: str = ""
    a: CableEnd
    z: CableEnd
    kind: str = ""
    """What it is made of: `dac`, `aoc`, `mmf`, `smf`, `cat6a`, `power` …"""
    length_m: Annotated[float, Field(ge=0)] | None = None
    status: Literal["planned", "connected", "removed"] = "planned"
    tags: tuple[Tag, ...] = ()
    custom: Custom = Field(default_factory=dict)
    version: int = 1
