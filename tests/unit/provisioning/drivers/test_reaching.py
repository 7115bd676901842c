"""What is connected to is what was judged."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable

import pytest
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver

from inventory.outbound.bmc_address import Reach
from provisioning.drivers.credentials import BmcMisconfigured
from provisioning.drivers.reaching import reached
from provisioning.errors import BmcUnreachable

REACH = Reach((ipaddress.ip_network("10.20.0.0/16"),))


def named(*rounds: tuple[str, ...]) -> Callable[..., Awaitable[list[ResolveResult]]]:
    said = iter(rounds)

    async def resolve(
        _self: object, host: str, port: int = 0, family: int = 0
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=one, port=port, family=socket.AF_INET, proto=family, flags=0
            )
            for one in next(said)
        ]

    return resolve


@pytest.mark.parametrize(
    ("address", "connected"),
    [
        ("redfish+https://bmc.example.com", "redfish+https://10.20.0.7"),
        ("redfish+https://bmc.example.com:8443", "redfish+https://10.20.0.7:8443"),
        (
            "redfish+https://bmc.example.com/redfish/v1/Systems/1",
            "redfish+https://10.20.0.7/redfish/v1/Systems/1",
        ),
        ("ipmi://bmc.example.com", "ipmi://10.20.0.7"),
    ],
)
async def test_a_name_becomes_the_number_that_was_judged(
    address: str, connected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = named(("127.0.0.1", "10.20.0.7"), ("127.0.0.1",))
    monkeypatch.setattr(ThreadedResolver, "resolve", rounds)
    assert await reached(address, REACH) == connected


@pytest.mark.parametrize("inner", ["127.0.0.1", "169.254.169.254", "10.21.0.1", "::1"])
async def test_a_name_that_leads_to_an_inner_door_opens_none(
    inner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ThreadedResolver, "resolve", named((inner,)))
    with pytest.raises(BmcMisconfigured, match="leads nowhere that may be called") as refused:
        await reached("redfish+https://bmc.example.com", REACH)
    assert refused.value.hint


async def test_a_name_that_nobody_knows_is_tried_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fails(*_: object, **__: object) -> list[ResolveResult]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(ThreadedResolver, "resolve", fails)
    with pytest.raises(BmcUnreachable, match="leads nowhere"):
        await reached("redfish+https://bmc.example.com", REACH)


async def test_numbers_stay_unless_no_bmc_is_ever_there() -> None:
    assert await reached("redfish+https://10.99.0.1", REACH) == "redfish+https://10.99.0.1"
    assert await reached("ssh://127.0.0.1", REACH) == "ssh://127.0.0.1"
    simulated = Reach(loopback=True)
    assert await reached("redfish+https://127.0.0.1:9001", simulated)
    for address in ("redfish+https://127.0.0.1", "ipmi://169.254.169.254", "ipmi://[::1]"):
        with pytest.raises(BmcMisconfigured):
            await reached(address, REACH)
