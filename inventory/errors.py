"""What can go wrong with records, arranged by what the caller should do.

InventoryError
├── NotFound        no such record: say which, list near names
├── Conflict        a record with this key exists, or a name is taken
├── StaleWrite      the record moved on since it was read: read again, decide again
├── FenceLost       this worker's lease is gone: stop at once, write nothing
├── StoreUnavailable  the database is away: wait; no host and no claim may fail for it
├── SecretRefused   a stored secret does not open with this key for this owner and field
└── Invalid         a value that the API's own types could not catch
"""

from __future__ import annotations


class InventoryError(Exception):
    """Base of all; `hint` ends a message shown to a person."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class NotFound(InventoryError):
    """No such record."""


class Conflict(InventoryError):
    """A record with this key exists already."""


class StaleWrite(InventoryError):
    """The record changed after it was read."""


class FenceLost(InventoryError):
    """The lease under which this write was decided is no longer held."""


class StoreUnavailable(InventoryError):
    """The database did not answer."""


class SecretRefused(InventoryError):
    """A secret does not open: wrong key, or a row moved to another owner or field."""


class Invalid(InventoryError):
    """A value that cannot be accepted."""
