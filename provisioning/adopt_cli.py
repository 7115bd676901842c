"""`podyard host adopt`: a host that somebody else owns or provisioned, taken in over SSH.

What a person cannot know without asking the host, its serial number, is asked here, by the account
that the service will use, and under the host key that the person vouches for. A host whose key
nobody vouches for is asked nothing: what it shows is printed, to be compared with what its provider
says.
"""

from __future__ import annotations

import asyncio
import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import typer
from pydantic import SecretStr

from inventory.client import service
from inventory.commands.hosts import DETAILS
from inventory.printing import Output, OutputOption, pairs, say, write
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.ssh.driver import AdoptedHost
from provisioning.drivers.ssh.session import shown_keys
from provisioning.errors import ProvisioningError

REFUSED, USAGE = 1, 2
KEY_MAX_BYTES = 64 * 1024
DEADLINE_S = 30.0
_NAME = re.compile(r"[^a-z0-9.-]+")


class AdoptionRefused(Exception):
    """What was asked for cannot be done; `hint` says what can."""

    def __init__(self, message: str, *, hint: str, code: int = USAGE) -> None:
        super().__init__(message)
        self.hint, self.code = hint, code


def adopt_host(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="ssh://user@host[:port].")],
    *,
    pod: Annotated[str, typer.Option(help="The pod that it joins.")],
    key: Annotated[
        Path, typer.Option(metavar="FILE", help="The account's private key, for the service.")
    ],
    fingerprint: Annotated[
        str, typer.Option(help="Of its host key, sha256:DIGITS; left out: shows its keys.")
    ] = "",
    slot: Annotated[str, typer.Option(help="The pod's slot; left out: the first free one.")] = "",
    name: Annotated[str, typer.Option(help="Its name; left out: its slot's.")] = "",
    serial: Annotated[
        str, typer.Option(help="Its serial number; left out: the host is asked.")
    ] = "",
    provider: Annotated[str, typer.Option(help="Who rents it out; left out: it is owned.")] = "",
    price: Annotated[
        float | None, typer.Option(help="For an hour, in the site's currency.")
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"], help="When it goes back (UTC)."),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take in a rented or already provisioned host over SSH, without a BMC.

    It is asked who it is, then inspected, configured, measured and certified as every other host;
    its unit says that it is rented, from whom, for how much and until when.

    Example: podyard host adopt ssh://root@203.0.113.7 --pod rented --key id_ed25519 \
    --fingerprint sha256:4f… --provider acme --price 21.5 --until 2027-03-01
    """
    try:
        account, where = _account(address, key)
        rental = _rental(provider, price, until)
        if not fingerprint:
            raise _unvouched(where, asyncio.run(shown_keys(where, deadline_s=DEADLINE_S)))
        found = serial or asyncio.run(_serial(where, account, fingerprint))
        with service() as api:
            place = slot or _free_slot(api, pod)
            host = api.post(
                "/api/hosts",
                {
                    "pod": pod,
                    "slot": place,
                    "name": name or _NAME.sub("-", place.lower()),
                    "bmc": where,
                    "fingerprint": fingerprint,
                    "username": account.username,
                    "password": account.password.get_secret_value(),
                    "serial": found,
                    "rental": rental,
                },
            )
    except (AdoptionRefused, ProvisioningError) as error:
        say(f"error: {error}\nhint: {error.hint}")
        raise typer.Exit(getattr(error, "code", REFUSED)) from None
    terms = f", rented from {provider} until {rental['until']}" if rental else ""
    say(
        f"{host['name']} (serial {found}) joins {pod} at {place}{terms}; next: podyard pod up {pod}"
    )
    write(host, output, lambda: pairs(host, DETAILS))


def _account(address: str, key: Path) -> tuple[Credentials, str]:
    """The user of an address, with the key; and the address without it, as records have it."""
    parts = urlsplit(address)
    user = parts.username or ""
    if parts.scheme != "ssh" or not parts.hostname or not user or parts.password:
        raise AdoptionRefused(
            f"{parts.scheme}://{parts.netloc.rpartition('@')[2]} is no address to adopt",
            hint="write ssh://user@host or ssh://user@host:port, and give the key by --key",
        )
    try:
        found = key.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > KEY_MAX_BYTES:
            raise AdoptionRefused(f"{key} is no key file", hint="give the private key, in PEM")
        secret = key.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise AdoptionRefused(
            f"cannot read {key}: {error}", hint="give the private key, in PEM"
        ) from error
    return Credentials(username=user, password=SecretStr(secret)), (
        f"ssh://{parts.netloc.rpartition('@')[2]}"
    )


def _rental(provider: str, price: float | None, until: datetime | None) -> dict[str, Any] | None:
    said = {"--provider": provider, "--price": price, "--until": until}
    lacking = [option for option, value in said.items() if value in (None, "")]
    if len(lacking) == len(said):
        return None
    if lacking or price is None or until is None:
        raise AdoptionRefused(
            f"a rented host needs {' and '.join(lacking)} too",
            hint="give --provider, --price and --until, or none of them for a host that you own",
        )
    end = until.replace(tzinfo=UTC).isoformat()
    return {
        "provider": provider,
        "price_per_hour": price,
        "until": end,
    }


def _unvouched(where: str, keys: tuple[str, ...]) -> AdoptionRefused:
    shown = "".join(f"\n  {one}" for one in keys)
    return AdoptionRefused(
        f"nobody vouches for {where}; it was told nothing, and shows these host keys:{shown}",
        hint="compare them with what its provider or its console says, then give one by "
        "--fingerprint",
    )


async def _serial(where: str, account: Credentials, fingerprint: str) -> str:
    host = AdoptedHost.connect(where, account, fingerprint=fingerprint, deadline_s=DEADLINE_S)
    found = await host.identity()
    if not found.serial:
        raise AdoptionRefused(
            f"{where} does not tell its serial number",
            hint="its account must be root, or have sudo; or give --serial",
            code=REFUSED,
        )
    return found.serial


def _free_slot(api: Any, pod: str) -> str:
    """The first slot of the pod's spec that no host fills."""
    spec = api.get(f"/api/pods/{quote(pod, safe='')}")["spec_document"]
    taken = {host["slot"] for host in api.all("/api/hosts", pod=pod)}
    for rack in spec["racks"]:
        for slot in rack["slots"]:
            if slot["slot"] not in taken:
                return str(slot["slot"])
    raise AdoptionRefused(
        f"pod {pod} has no free slot",
        hint=f"see podyard pod show {pod}; forget a host, or apply a pod with more slots",
        code=REFUSED,
    )
