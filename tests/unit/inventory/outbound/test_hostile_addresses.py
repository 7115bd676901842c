"""Every spelling by which somebody could make the service knock at an inner door.

One table for the two rules that there are: where a BMC may be, and which URLs are called. A row is
a host as it may be written; it is tried as a BMC's address and as a receiver's URL.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterator

import pytest
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver

from inventory.outbound.address import AddressRefused, url_fault
from inventory.outbound.bmc_address import Reach, bmc_address_fault

BMCS = (ipaddress.ip_network("10.20.0.0/16"), ipaddress.ip_network("fd00:20::/64"))
DECLARED = Reach(BMCS)
UNDECLARED = Reach()

HOSTILE = (
    # a BMC, spelled so that two libraries read it differently
    *("0xa140001", "169082881", "012.024.000.001", "10.20.1", "0xa.0x14.0.1"),
    # loopback
    *("127.0.0.1", "127.0.0.53", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1"),
    *("0177.0.0.1", "017700000001", "0x7f.0.0.0x1", "127.000.000.001", "127.0.0.1.", "127.1."),
    *("[::1]", "[0:0:0:0:0:0:0:1]", "[0000::1]", "localhost", "localhost.", "LOCALHOST"),
    *("x.localhost", "localhost.localdomain"),
    # an IPv4 address inside an IPv6 one
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.20.0.1]", "[0:0:0:0:0:ffff:a14:1]"),
    *("[::127.0.0.1]", "[::10.20.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::169.254.169.254]"),
    *("[64:ff9b:1::a9fe:a9fe]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2002:a14:1::]"),
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    # a cloud's metadata
    *("169.254.169.254", "169.254.170.2", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376"),
    *("169.254.43518", "[fd00:ec2::254]", "100.100.100.200", "192.0.0.192"),
    *("metadata.google.internal", "instance-data.ec2.internal"),
    # where nobody is, or everybody
    *("0.0.0.0", "0", "00000000", "[::]", "0.1.2.3", "255.255.255.255", "224.0.0.1"),  # noqa: S104
    *("239.255.255.250", "[ff02::1]", "[ff05::2]", "240.0.0.1", "[fec0::1]"),
    *("169.254.1.1", "[fe80::1]", "[fe80::1%25eth0]", "[fe80::1%eth0]"),
    # two readers, two hosts
    *("10.20.0.1@127.0.0.1", "user:secret@127.0.0.1", "127.0.0.1\\@10.20.0.1"),
    *("10.20.0.1 127.0.0.1", "10.20.0.1\t.example.com", "10.20.0.1\n127.0.0.1", "127。0。0。1"),
    *("①②⑦.0.0.1", "\uff11\uff12\uff17.0.0.1", "ⓛocalhost", "bmc\u200b.example.com", "127.0.0.%31"),
    *("%31%32%37.0.0.1", "127.0.0.1%00.example.com", "127.0.0.1#@10.20.0.1"),
    *("[127.0.0.1]", "[::1", "::1", "127.0.0.1:80:443", "", ".", "..", "-x.example.com"),
    *("999.1.1.1", "1.2.3.4.5", "10.20.0.256", "0x7g.1", "a" * 64 + ".example.com"),
)


@pytest.mark.parametrize("host", HOSTILE)
@pytest.mark.parametrize("reach", [DECLARED, UNDECLARED], ids=["declared", "undeclared"])
def test_no_spelling_of_an_inner_door_is_a_bmc(host: str, reach: Reach) -> None:
    from inventory.applying import address_complaint  # noqa: PLC0415 - beside the rule it goes with

    for address in (f"redfish+https://{host}", f"redfish+https://{host}:8470", f"ipmi://{host}"):
        assert bmc_address_fault(address, reach) or address_complaint(address), address


NAMES = (
    frozenset(("localhost", "localhost.", "LOCALHOST", "x.localhost", "localhost.localdomain"))
    | frozenset(
        ("metadata.google.internal", "instance-data.ec2.internal", "-x.example.com", "0x7g.1")
    )
    | frozenset(("999.1.1.1", "1.2.3.4.5", "10.20.0.256", "a" * 64 + ".example.com", ".", ".."))
)
"""Names for a URL: what they lead to is judged when it is connected to."""


@pytest.mark.parametrize("host", [host for host in HOSTILE if host not in NAMES])
def test_no_spelling_of_an_inner_door_is_called(host: str) -> None:
    assert url_fault(f"https://{host}/", BMCS[:0]), host
    assert url_fault(f"https://{host}:8470/", ()), host


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(set(HOSTILE)) >= 80


@pytest.mark.parametrize(
    "address",
    [
        "redfish+https://10.20.0.1",
        "redfish+https://10.20.255.254:8443",
        "redfish+https://[fd00:20::7]",
        "ipmi://10.20.3.4",
        "redfish+https://bmc-r1-h1.mgmt.example.com",
        "redfish+https://r1-h1_bmc",
        "ssh://127.0.0.1",
        "ssh://192.168.7.7",
    ],
)
def test_where_bmcs_are_they_may_be(address: str) -> None:
    assert bmc_address_fault(address, DECLARED) == ""


@pytest.mark.parametrize(
    "address",
    ["redfish+https://10.21.0.1", "redfish+https://1.1.1.1", "ipmi://[fd00:21::1]"],
)
def test_outside_of_what_was_declared_there_is_no_bmc(address: str) -> None:
    assert "none of the declared networks" in bmc_address_fault(address, DECLARED)
    assert bmc_address_fault(address, UNDECLARED) == ""


def test_loopback_is_for_simulated_bmcs_alone() -> None:
    address = "redfish+https://127.0.0.1:8443"
    assert "loopback" in bmc_address_fault(address, UNDECLARED)
    assert bmc_address_fault(address, Reach(loopback=True)) == ""
    assert "declared" in bmc_address_fault(address, Reach(BMCS, loopback=True))


Answers = Callable[..., Awaitable[list[ResolveResult]]]


def leading_to(*rounds: tuple[str, ...]) -> Answers:
    """A name server that answers differently each time it is asked."""
    said: Iterator[tuple[str, ...]] = iter(rounds)

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
    "inner",
    [
        *("127.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "10.21.0.1", "::1"),  # noqa: S104
        *("::ffff:10.20.0.1", "64:ff9b::a14:1", "fe80::1", "fd00:ec2::254"),
    ],
)
async def test_a_name_that_leads_to_an_inner_door_is_not_connected_to(
    inner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ThreadedResolver, "resolve", leading_to((inner,)))
    with pytest.raises(AddressRefused):
        await DECLARED.resolver().resolve("bmc.example.com", 443)


async def test_a_name_that_answers_differently_the_second_time_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is connected to is what was judged: there is one answer for both."""
    rounds = leading_to(("10.20.0.1",), ("127.0.0.1",))
    monkeypatch.setattr(ThreadedResolver, "resolve", rounds)
    resolver = DECLARED.resolver()
    first = await resolver.resolve("bmc.example.com", 443)
    assert [one["host"] for one in first] == ["10.20.0.1"]
    with pytest.raises(AddressRefused):
        await resolver.resolve("bmc.example.com", 443)


async def test_of_several_answers_only_those_in_declared_networks_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = leading_to(("127.0.0.1", "10.20.0.1", "169.254.169.254"))
    monkeypatch.setattr(ThreadedResolver, "resolve", answers)
    found = await DECLARED.resolver().resolve("bmc.example.com", 443)
    assert [one["host"] for one in found] == ["10.20.0.1"]
