"""Which object of NetBox stands for which record of ours, and what was last written to it.

Without this a rename on either side would look like a removal and a new thing.
"""

from __future__ import annotations

from datetime import datetime

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
    version: int = 1
