"""What can go wrong between podyard and NetBox, arranged by what the caller should do.

NetBoxError
├── Unreachable    no answer, or one from something between: wait; nothing was decided
├── Contended      somebody else wrote at the same moment: read again, decide again
├── Denied         the token is unknown or may not do this: a person must act
├── Unsupported    this NetBox is too old, or lacks a choice that the mapping names
├── Rejected       NetBox refused a document: which row, which field, why
└── FilterIgnored  NetBox answered with rows that were not asked for: stop, nothing may be trusted
"""

from __future__ import annotations

from inventory.errors import InventoryError


class NetBoxError(InventoryError):
    """Base of all."""


class Unreachable(NetBoxError):
    """NetBox did not answer, or something in between answered for it."""


class Contended(NetBoxError):
    """Another writer was there at the same moment."""


class Denied(NetBoxError):
    """The token is unknown, or may not do this."""


class Unsupported(NetBoxError):
    """This NetBox cannot do what the sync needs."""


class FilterIgnored(NetBoxError):
    """An answer holds rows that the question excludes."""


class Rejected(NetBoxError):
    """NetBox refused a document."""

    def __init__(self, message: str, *, rows: dict[int, str], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.rows = rows
        """Place in what was sent, to what was wrong with it. Empty: NetBox did not say which."""
