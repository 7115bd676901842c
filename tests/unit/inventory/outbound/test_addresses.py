"""The service never knocks on an inner door because somebody gave it a URL."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver

from inventory.outbound.address import AddressRefused, CheckedResolver, url_fault

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1%25eth0]/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.5/redfish/v1",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://[ff02::1]/",
        "https://[::127.0.0.1]/",
        "https://[fec0::1]/",
    ],
)
def test_an_address_that_is_not_public_is_refused_however_it_is_spelled(url: str) -> None:
    assert "not a public address" in url_fault(url, ())


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://hooks.example.com/", "not an https URL"),
        ("file:///etc/passwd", "not an https URL"),
        ("https:///path", "not an https URL"),
        ("https://user:secret@hooks.example.com/", "user name or password"),
        ("https://hooks.example.com/#part", "fragment"),
        ("https://hooks.example.com:0/", "port 0"),
        ("https://hooks.example.com:99999/", "not a URL"),
        ("http://hooks.example.com/", "not https"),
        ("https://h/" + "x" * 3000, "longer than"),
        ("https://①②⑦.0.0.1/", "not ASCII"),  # aiohttp connects to 127.0.0.1
        ("https://169。254。169。254/", "not ASCII"),
    ],
)
def test_a_url_that_is_no_receiver_is_refused_with_the_reason(url: str, why: str) -> None:
    assert why in url_fault(url, ())


def test_a_public_receiver_and_one_in_an_allowed_network_may_be_called() -> None:
    assert url_fault("https://hooks.example.com/podyard", ()) == ""
    assert url_fault("https://1.1.1.1/", ()) == ""
    assert url_fault("http://127.0.0.1:9000/", LOOPBACK) == ""
    assert url_fault("https://[::ffff:127.0.0.1]/", LOOPBACK) == ""


async def test_a_name_that_leads_inwards_is_refused_when_it_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ThreadedResolver, "resolve", _leads_to("10.0.0.5"))
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.5 is not a public address"):
        await CheckedResolver(()).resolve("hooks.example.com", 443)


async def test_of_a_name_with_inner_and_public_addresses_only_the_public_ones_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ThreadedResolver, "resolve", _leads_to("10.0.0.5", "1.1.1.1"))
    found = await CheckedResolver(()).resolve("hooks.example.com", 443)
    assert [one["host"] for one in found] == ["1.1.1.1"]


def _leads_to(*addresses: str) -> object:
    async def resolve(
        _self: object, host: str, port: int = 0, family: int = 0
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=one, port=port, family=socket.AF_INET, proto=family, flags=0
            )
            for one in addresses
        ]

    return resolve
