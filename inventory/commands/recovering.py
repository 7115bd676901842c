"""`podyard key recover`: back in, where every key is lost, revoked or expired.

It works on the database itself and not through the service, which would ask for a key.
"""

from __future__ import annotations

import asyncio
import getpass
import json
from contextlib import closing

import typer

from inventory.client import REFUSED, URL_DEFAULT
from inventory.clock import SystemClock
from inventory.commands.backup import DatabaseOption, StateOption
from inventory.errors import InventoryError, StoreUnavailable
from inventory.printing import Output, OutputOption, pairs, say, write
from inventory.secrets import SecretBox, write_private
from inventory.statedir import StateDirectory, default_state


def recover_key(
    state: StateOption = None, database: DatabaseOption = "", output: OutputOption = Output.TABLE
) -> None:
    """Make an admin key on the service's own machine, and log in with it.

    It needs the service's directory and its database, not a key. Its text is written to
    client.json there, readable by its owner alone, and the audit log says that it was made. The
    service may run or not.

    Example: podyard key recover --state /var/lib/podyard
    """
    directory = StateDirectory((state or default_state()).resolve())
    try:
        key_id = _recovered(directory, database)
    except StoreUnavailable as error:
        say(f"error: no key was made: {error}")
        say("hint: run it where the service's database answers; name that: --database URL")
        raise typer.Exit(REFUSED) from error
    except InventoryError as error:
        say(f"error: no key was made: {error}")
        say(f"hint: {error.hint}")
        raise typer.Exit(REFUSED) from error
    say(f"admin key {key_id} is in {directory.client}; revoke what was lost: podyard key revoke ID")
    made = {"id": key_id, "role": "admin", "file": str(directory.client)}
    write(made, output, lambda: pairs(made, tuple(made)))


def _recovered(directory: StateDirectory, database: str) -> str:
    from inventory.audit_anchors import Anchors  # noqa: PLC0415 - the server extra
    from inventory.deps import ApiDeps  # noqa: PLC0415 - the same
    from inventory.recovering import recover  # noqa: PLC0415 - the same
    from inventory.store.sql import SqlStore  # noqa: PLC0415 - the same

    box = SecretBox.existing(directory.secret_key)  # whose directory is this?
    with closing(SqlStore.open(database or directory.existing_database_url())) as store:
        deps = ApiDeps(
            store=store,
            clock=SystemClock(),
            secrets=box,
            in_thread=asyncio.to_thread,
            wake=lambda: None,
            anchors=Anchors.open(directory.audit_key, directory.audit_anchor),
        )
        key, text = recover(deps, by=f"local user {getpass.getuser()}")
    url = URL_DEFAULT
    if directory.address.exists():
        url = str(json.loads(directory.address.read_text())["url"])
    write_private(directory.client, json.dumps({"url": url, "key": text}).encode())
    return key.id
