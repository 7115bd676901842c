"""A packet filter around Ray's ports on this host: only its own cluster's network may knock.

Ray listens on every interface, and its Serve port asks for no token. Where tenants' networks are
separate, nobody else can reach it anyway; this holds where one cable, one bridge or one wrong VLAN
joins them. It is the agent's own table: nothing else of the host's filter is read or changed.

A host without `nft`, or without the right to use it, runs on with what the network gives it, and
says which protection it lacks.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from ipaddress import IPv4Interface

from inventory.agents import RayOrder
from runtime.place import Place

TABLE = "podyard_ray"
PATHS = "/usr/sbin:/sbin:/usr/bin:/bin"
"""Where `nft` lies; an agent's own PATH often has no `sbin`."""
LIMIT_S = 20.0  # a table of five rules takes milliseconds on an idle machine


def rules(order: RayOrder) -> str:
    """The whole table, for `nft -f -`: replaces an earlier one in one step."""
    network = IPv4Interface(order.address).network
    first, last = order.port_block
    heads = ", ".join(map(str, (order.gcs_port, order.dashboard_port, order.serve_port)))
    return (
        f"{removal()}"
        f"table inet {TABLE} {{\n"
        "  chain input {\n"
        "    type filter hook input priority -10; policy accept;\n"
        "    iif lo accept\n"
        f"    ip saddr {network} tcp dport {{ {heads}, {first}-{last} }} accept\n"
        f"    tcp dport {{ {heads}, {first}-{last} }} reject with tcp reset\n"
        "  }\n"
        "}\n"
    )


def removal() -> str:
    """Takes the table away, whether there is one or not."""
    return f"table inet {TABLE}\ndelete table inet {TABLE}\n"


async def raise_fence(order: RayOrder, place: Place) -> str:
    """Put it up; why there is none, or ''. A fence that stands already stays as it is."""
    if not place.isolated:
        return "this host shares its machine's network"
    return await _nft(rules(order))


async def lower_fence(place: Place) -> None:
    """Take it down. Never raises: what could not be put up need not go."""
    if place.isolated:
        await _nft(removal())


async def _nft(text: str) -> str:
    program = shutil.which("nft", path=os.pathsep.join((os.environ.get("PATH", ""), PATHS)))
    if program is None:
        return "nft is not installed on this host"
    try:
        process = await asyncio.create_subprocess_exec(
            *(program, "-f", "-"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        return f"nft did not start: {error}"
    try:
        async with asyncio.timeout(LIMIT_S):
            _, said = await process.communicate(text.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"nft did not answer in {LIMIT_S:.0f} s"
    if process.returncode == 0:
        return ""
    lines = said.decode(errors="replace").strip().splitlines() or ["no reason given"]
    return f"nft refused the table: {lines[0]}"
