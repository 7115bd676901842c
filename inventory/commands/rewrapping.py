"""`podyard key rewrap`: another key for what is sealed in the database.

It works on the database itself and not through the service: a service that runs has the old key in
its memory, and would go on sealing with it.
"""

from __future__ import annotations

import getpass
import os
from contextlib import closing

import typer

from inventory.client import REFUSED
from inventory.clock import SystemClock
from inventory.commands.backup import DatabaseOption, StateOption
from inventory.errors import Conflict, InventoryError
from inventory.model import Event
from inventory.printing import Output, OutputOption, pairs, say, write
from inventory.secrets import former_key
from inventory.statedir import StateDirectory, default_state
from inventory.store.protocol import Change


def rewrap_secrets(
    state: StateOption = None, database: DatabaseOption = "", output: OutputOption = Output.TABLE
) -> None:
    """Seal every stored secret with a new key, and remove the old one.

    Stop the service first; with several on one database, stop all of them, and give each the new
    keys/secrets.key afterwards. When it is killed, run it again: it goes on where it was. A backup
    that was made before needs the old key: copy keys/ first, or make a backup afterwards.

    Example: podyard key rewrap --state /var/lib/podyard
    """
    directory = StateDirectory((state or default_state()).resolve())
    try:
        done = _rewrapped(directory, database)
    except InventoryError as error:
        say(f"error: the secrets were not sealed anew: {error}")
        say(f"hint: {error.hint or 'run it again when that is mended; nothing is lost'}")
        raise typer.Exit(REFUSED) from error
    say(f"{done} secrets are sealed with a new key; make a backup and copy {directory.secret_key}")
    told = {"sealed": done, "key": str(directory.secret_key)}
    write(told, output, lambda: pairs(told, tuple(told)))


def _rewrapped(directory: StateDirectory, database: str) -> int:
    from inventory.rewrapping import rewrap  # noqa: PLC0415 - the server extra
    from inventory.secrets import SecretBox  # noqa: PLC0415 - beside it
    from inventory.store.resealing import SealedRows  # noqa: PLC0415 - the server extra
    from inventory.store.sql import SqlStore  # noqa: PLC0415 - the same

    SecretBox.existing(directory.secret_key)  # whose directory is this?
    url = database or directory.existing_database_url()
    lock = directory.lock()
    try:
        resumed = former_key(directory.secret_key).exists()
        with closing(SealedRows(url)) as rows:
            if database and (workers := rows.workers(SystemClock().now())):
                raise Conflict(
                    f"services work on this database: {', '.join(workers)}",
                    hint="stop them; their leases end within half a minute",
                )
            done = rewrap(directory.secret_key, rows)
        with closing(SqlStore.open(url)) as store:
            event = Event(
                at=(now := SystemClock().now()),
                actor=f"local user {getpass.getuser()}",
                kind="secrets.rewrapped",
                subject="site:secrets",
                new=str(done),
                why="gone on with" if resumed else "",
            )
            store.apply(Change(events=(event,)), now=now)
    finally:
        os.close(lock)
    return done
