"""Hosts that are expected before anybody has spoken to them, and the accounts they come with.

A delivery note becomes rows here: what a server is called, where it belongs, and the signs by which
its BMC is told from its neighbours. A row is no host: nothing is read, powered or logged in to
because of it. Passwords are never in a record; they are sealed beside it.
"""

from __future__ import annotations

from typing import Literal

from inventory.model import Name, Record

LIST_MAX_BYTES = 4 * 1024 * 1024
"""A list of expected hosts is refused beyond this, by whoever reads it first."""

Source = Literal["csv", "netbox"]


class FactoryAccount(Record):
    """A BMC account that a vendor ships: a default that rows refer to instead of repeating it."""

    name: Name
    username: str
    version: int = 1


class ExpectedHost(Record):
    """One server that is on its way, or racked and not yet a host."""

    id: str
    name: Name
    pod: Name
    slot: Name
    serial: str
    uuid: str = ""
    """Of the BMC's Redfish service, as its label or the vendor's list has it; empty: not known."""
    macs: tuple[str, ...] = ()
    """Of the BMC or the host, with colons."""
    bmc: str = ""
    """Where its BMC will be, with its scheme; empty: discovery finds it."""
    fingerprint: str = ""
    """Of the BMC's certificate, where it is known beforehand: another one is not matched."""
    account: str = ""
    """The factory account that it comes with; empty: a user and password of its own."""
    username: str = ""
    own_password: bool = False
    """Whether a password of its own is stored."""
    enrol: bool = False
    """Make it a host as soon as its BMC is found, without asking anybody again."""
    source: Source = "csv"
    found: str = ""
    """The id of the BMC that was found for it."""
    matched_by: tuple[str, ...] = ()
    """The signs that said so: `serial`, `uuid`, `mac`, `address`."""
    host_id: str = ""
    """The host that it became; empty: none yet."""
    why: str = ""
    """Why it is no host yet, where podyard tried."""
    version: int = 1
