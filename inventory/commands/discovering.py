"""`podyard bmc discover|found|network|account …`: where BMCs may be, and who answers there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from inventory.client import ServiceError, service
from inventory.commands.bmcs import bmc_app
from inventory.commands.correcting import read_password
from inventory.printing import Output, OutputOption, age, pairs, rows, say, until, write

__all__ = ["bmc_app"]  # with the commands of this file in it

FOUND_COLUMNS = ("address", "vendor", "product", "ipmi", "seen", "state", "is")
WALK = ("id", "state", "networks", "addresses", "asked", "answered", "matched", "why")
NETWORK_COLUMNS = ("name", "site", "cidr", "ports", "ipmi_port", "simulated")
WAIT_S = 6 * 3600.0  # a /16 at a polite pace


@bmc_app.command("discover")
def discover(
    *,
    network: Annotated[
        list[str] | None, typer.Option(help="Only this declared network; again for more.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for its end.")] = True,
    timeout_s: Annotated[float, typer.Option("--timeout", min=1, help="Seconds to wait.")] = WAIT_S,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask every address of the declared networks whether a BMC is there.

    Only what a stranger may ask: the Redfish service root, and an IPMI presence ping. No password
    is sent anywhere.

    Example: podyard bmc discover --network r1-bmcs
    """
    with service() as api:
        walk = api.post("/api/discoveries", {"networks": network or []})
        if wait:
            key = walk["id"]
            walk = until(
                lambda: api.get(f"/api/discoveries/{key}"),
                lambda found: found["state"] not in {"waiting", "running"},
                timeout_s=timeout_s,
                what="the discovery is still under way",
                progress=lambda found: (
                    f"{found['asked']} of {found['addresses']} asked, {found['answered']} answered"
                ),
            )
    say("what was found: podyard bmc found")
    write(walk, output, lambda: pairs(walk, WALK))


@bmc_app.command("stop")
def stop_discovery(
    walk: Annotated[str, typer.Argument(metavar="ID", help="Of the discovery.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """End a discovery where it is; what it saw stays.

    Example: podyard bmc stop 6f1c0c3e-8a54-4a5e-9a59-1f2f3a4b5c6d
    """
    with service() as api:
        found = api.post(f"/api/discoveries/{quote(walk, safe='')}/stop")
    write(found, output, lambda: pairs(found, WALK))


@bmc_app.command("discoveries")
def list_discoveries(output: OutputOption = Output.TABLE) -> None:
    """List discoveries, the newest last.

    Example: podyard bmc discoveries
    """
    with service() as api:
        found = api.all("/api/discoveries", ordering="created_at")
    write(found, output, lambda: rows(found, WALK))


@bmc_app.command("found")
def list_found(
    *,
    state: Annotated[str, typer.Option(help="Only found, matched or host.")] = "",
    network: Annotated[str, typer.Option(help="Only of this network.")] = "",
    search: Annotated[str, typer.Option("--search", "-q", help="Words to look for.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """List BMCs that answered, and whose they are.

    Example: podyard bmc found --state found
    """
    with service() as api:
        found = api.all("/api/found-bmcs", state=state, network=network, q=search)
    write(found, output, lambda: rows([_line(one) for one in found], FOUND_COLUMNS))


@bmc_app.command("networks")
def list_networks(output: OutputOption = Output.TABLE) -> None:
    """List the networks where BMCs may be.

    Example: podyard bmc networks
    """
    with service() as api:
        found = api.all("/api/bmc-networks")
    write(found, output, lambda: rows(found, NETWORK_COLUMNS))


@bmc_app.command("network")
def declare_network(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    cidr: Annotated[str, typer.Argument(metavar="[CIDR]", help="As 10.20.0.0/22.")] = "",
    *,
    site: Annotated[str, typer.Option(help="Where it is.")] = "here",
    port: Annotated[
        list[int] | None, typer.Option(help="Where Redfish listens, if not 443; again for more.")
    ] = None,
    ipmi_port: Annotated[int, typer.Option(help="Where IPMI listens; 0: do not ask.")] = 623,
    simulated: Annotated[bool, typer.Option("--simulated", help="Of simulated BMCs.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the declaration back.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Declare where BMCs may be: once one network is declared, nothing outside is talked to.

    Example: podyard bmc network r1-bmcs 10.20.0.0/24
    """
    path = f"/api/bmc-networks/{quote(name, safe='')}"
    if remove == bool(cidr):
        raise ServiceError(
            "give a network as CIDR, or --remove", hint="podyard bmc network r1-bmcs 10.20.0.0/24"
        )
    with service() as api:
        if remove:
            api.delete(path)
            say(f"{name} is declared no more")
            return
        body = {
            "cidr": cidr,
            "site": site,
            "ports": port or [443],
            "ipmi_port": ipmi_port,
            "simulated": simulated,
        }
        found = api.put(path, body)
    write(found, output, lambda: pairs(found, NETWORK_COLUMNS))


@bmc_app.command("accounts")
def list_accounts(output: OutputOption = Output.TABLE) -> None:
    """List factory accounts, without their passwords.

    Example: podyard bmc accounts
    """
    with service() as api:
        found = api.all("/api/factory-accounts")
    write(found, output, lambda: rows(found, ("name", "username")))


@bmc_app.command("account")
def keep_account(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What rows call it.")],
    *,
    username: Annotated[str, typer.Option(help="The BMC's user.")] = "",
    password_file: Annotated[
        Path | None, typer.Option(help="A file with the password.", show_default=False)
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Forget it.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Keep a BMC account that a vendor ships, for rows of a list that refer to it.

    Example: podyard bmc account dell --username root --password-file dell.txt
    """
    path = f"/api/factory-accounts/{quote(name, safe='')}"
    with service() as api:
        if remove:
            api.delete(path)
            say(f"{name} is forgotten")
            return
        if not username or password_file is None:
            raise ServiceError(
                "an account has a user and a password",
                hint="podyard bmc account dell --username root --password-file dell.txt",
            )
        found = api.put(path, {"username": username, "password": read_password(password_file)})
    write(found, output, lambda: pairs(found, ("name", "username")))


def _line(one: dict[str, Any]) -> dict[str, Any]:
    whose = one["host"] or one["expected"] or one["why"]
    return {**one, "ipmi": "yes" if one["ipmi"] else "", "seen": age(one["seen_at"]), "is": whose}
