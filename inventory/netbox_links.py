"""Which object of NetBox stands for which record of ours, and what was last written to it.

Without this a rename on either side would look like a removal and a new thing.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from inventory.model import Record


class NetBoxLink(Record):
    """One record's counterpart in NetBox."""

    id: str
    """`<kind>/<key>`."""
    kind: str
    key: str
    netbox_type: str
    """`dcim.device`, `dcim.module` …"""
    netbox_id: int
    written_hash: str = ""
    """Of what was last written: an equal wish needs no request."""
    written_at: datetime | None = None
    told: str = ""
    """The state or serial number that NetBox was last told: another one is news for its journal."""
    intent: dict[str, str | float | None] = Field(default_factory=dict)
    """What people say in NetBox of the fields that NetBox owns."""
    version: int = 1
