"""`podyard backup` and `podyard restore`: the records in one file, and back.

Both work on the database itself and not through the service: a backup must be possible when the
service is not well, and a restore needs it stopped.
"""

from __future__ import annotations

import getpass
import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from inventory.client import REFUSED
from inventory.clock import SystemClock
from inventory.errors import InventoryError
from inventory.printing import say
from inventory.secrets import SecretBox
from inventory.statedir import StateDirectory, default_state

StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state", envvar="PODYARD_STATE", help="The service's directory.", show_default=False
    ),
]
DatabaseOption = Annotated[
    str,
    typer.Option(
        envvar="PODYARD_DATABASE",
        help="postgresql+psycopg://… when the service runs with it.",
        show_default=False,
    ),
]


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")],
    state: StateOption = None,
    database: DatabaseOption = "",
) -> None:
    """Write all records to one file, while the service runs. Keys are not in it.

    Example: podyard backup /backup/podyard-2026-11-23.db
    """
    from inventory.backup import back_up  # noqa: PLC0415 - the server extra

    directory = StateDirectory((state or default_state()).resolve())
    with _explained():
        manifest = back_up(
            database or directory.existing_database_url(),
            file,
            box=SecretBox.existing(directory.secret_key),
            now=SystemClock().now(),
        )
    say(f"{sum(manifest.rows.values())} rows of schema {manifest.revision} are in {file}")
    say(f"the keys in {directory.path / 'keys'} are not: keep them apart")


def restore(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="What `podyard backup` wrote.")
    ] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace the records at hand.")] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Let the controllers act on restored records.")
    ] = False,
    state: StateOption = None,
    database: DatabaseOption = "",
) -> None:
    """Put the records of a backup in place; the controllers then only watch until --confirm.

    Example: podyard restore /backup/podyard-2026-11-23.db
    """
    directory = StateDirectory((state or default_state()).resolve())
    if (file is None) is not confirm:
        raise typer.BadParameter("give a FILE to restore, or --confirm what was restored")
    with _explained():
        if file is None:
            _confirm(database or directory.existing_database_url())
            return
        from inventory.backup_restore import restore as put_back  # noqa: PLC0415 - the server extra

        restored = put_back(
            file,
            directory,
            database=database,
            force=force,
            now=SystemClock().now(),
            actor=_person(),
        )
    say(f"the records are those of {restored.manifest.made_at.isoformat()}")
    if (aside := _set_head_aside(directory, str(restored.manifest.made_at.date()))) is not None:
        say(f"the signed head of the audit log that was replaced is kept: {aside}")
    if restored.revoked:
        say(f"keys that were revoked since stay revoked: {', '.join(restored.revoked)}")
    if restored.forgot_revocations:
        say("the records that were there could not be read: revoke again what was revoked since")
    say("start the service: it only watches; when what it shows is right:")
    say("  podyard restore --confirm")


def _set_head_aside(directory: StateDirectory, of: str) -> Path | None:
    """The restored log does not hold it; it stays as proof of the one before."""
    kept = directory.audit_anchor
    if not kept.exists():
        return None
    free = (kept.with_name(f"audit-anchor-before-{of}-{n}.json") for n in itertools.count(1))
    aside = next(path for path in free if not path.exists())
    return kept.rename(aside)


def _confirm(url: str) -> None:
    from inventory.restored import confirm as confirmed  # noqa: PLC0415 - the server extra
    from inventory.store.sql import SqlStore  # noqa: PLC0415 - the same

    with closing(SqlStore.open(url)) as store:
        made = confirmed(store, clock=SystemClock(), actor=_person())
    say(f"acting again on the records of {made}" if made else "nothing was waiting for this")


def _person() -> str:
    return f"local user {getpass.getuser()}"


@contextmanager
def _explained() -> Iterator[None]:
    """Turn refusals into two lines for a person."""
    try:
        yield
    except InventoryError as error:
        say(f"error: {error}")
        if error.hint:
            say(f"hint: {error.hint}")
        raise typer.Exit(REFUSED) from error
