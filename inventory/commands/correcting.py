"""`podyard host bmc|repair|forget`: what a person says after hardware was changed by hand."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Annotated

import typer

from inventory.client import ServiceError, service
from inventory.commands.hosts import DETAILS, NameArgument, host_app, host_path
from inventory.printing import Output, OutputOption, pairs, say, write

__all__ = ["host_app"]  # with the commands of this file in it

USAGE = 2
PASSWORD_MAX_BYTES = 4096


@host_app.command("bmc")
def correct_bmc(  # one option for each field that can be corrected
    name: NameArgument,
    *,
    address: Annotated[str, typer.Option(help="redfish+https://host:port.")] = "",
    fingerprint: Annotated[
        str, typer.Option(help="Of its certificate, read from a place that you trust.")
    ] = "",
    username: Annotated[str, typer.Option(help="The account's name.")] = "",
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Holds the password; - reads it from stdin."),
    ] = None,
    credentials: Annotated[
        str, typer.Option(help="own, or factory: others know the password, so replace it.")
    ] = "",
    serial: Annotated[
        str, typer.Option(help="The serial that the BMC must report: the host registers anew.")
    ] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Correct what is on record of a host's BMC, and let the host go on.

    Example: podyard host bmc r1-h3 --password-file new-password
    """
    given = {
        "address": address,
        "fingerprint": fingerprint,
        "username": username,
        "credentials": credentials,
        "serial": serial,
    }
    body = {field: value for field, value in given.items() if value}
    with service() as api:
        if password_file is not None:
            body["password"] = read_password(password_file)
        if not body:
            say("error: nothing to correct\nhint: give at least one option; see --help")
            raise typer.Exit(USAGE)
        host = api.patch(host_path(name, "/bmc"), body)
    say(f"{name}: {', '.join(body)} corrected; it goes on from {host['state']}")
    write(host, output, lambda: pairs(host, DETAILS))


@host_app.command("repair")
def repair_host(
    name: NameArgument,
    why: Annotated[str, typer.Option(metavar="TEXT", help="What is to be done to it.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Take a host out for repair; `podyard host retry` brings it back.

    A host that is ready is drained and switched off first. Wait until it is `repairing`.

    Example: podyard host repair r1-h3 --why "fan 2 is loud"
    """
    with service() as api:
        host = api.post(host_path(name, "/target"), {"target": "repairing", "why": why})
    say(f"{name} is {host['state']}; work on it when it is repairing: podyard host why {name}")
    write(host, output, lambda: pairs(host, DETAILS))


@host_app.command("forget")
def forget_host(
    name: NameArgument,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    even_if_on: Annotated[
        bool, typer.Option("--even-if-on", help="Though it is not known to be off.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Remove a host's record, units and secrets; name, slot and serial are free. Events stay.

    Example: podyard host forget r1-h3 --yes
    """
    with service() as api:
        if not yes:
            _confirm(name)
        query = {"even_if_on": "true"} if even_if_on else {}
        found = api.delete(host_path(name), **query)
    say(f"{name} is forgotten; its slot {found['slot']} is free: podyard pod add-hosts")
    write(found, output, lambda: pairs(found, ("host", "pod", "slot", "serial")))


def _confirm(name: str) -> None:
    if not sys.stdin.isatty():
        say("error: nobody is there to be asked\nhint: add --yes")
        raise typer.Exit(USAGE)
    if not typer.confirm(f"forget host {name}?", err=True):
        raise ServiceError("not confirmed; nothing was removed")


def read_password(path: Path) -> str:
    """The password, without the line's end. Never from the command line: others can read that."""
    raw = sys.stdin.buffer.read(PASSWORD_MAX_BYTES) if str(path) == "-" else _read(path)
    try:
        text = raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        text = ""
    if not text or "\n" in text:
        raise ServiceError(
            f"{path} holds no password", hint="write it into the file's one line, as UTF-8"
        )
    return text


def _read(path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        with path.open("rb") as file:
            raw = file.read(PASSWORD_MAX_BYTES)
    except OSError as error:
        raise ServiceError(
            f"cannot read {path}: {error.strerror}", hint="give the file that holds the password"
        ) from error
    if mode & 0o077:
        say(f"warning: {path} holds a password and can be read by others; chmod 600 {path}")
    return raw
