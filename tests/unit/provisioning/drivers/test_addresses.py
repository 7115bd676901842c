"""Addresses, pins and the choice of a driver: what our own records may say."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from provisioning.drivers.choose import open_bmc
from provisioning.drivers.credentials import BmcMisconfigured, Credentials, Trust
from provisioning.drivers.protocol import (
    BiosDriver,
    FirmwareDriver,
    MediaDriver,
    PowerMeter,
)
from provisioning.drivers.redfish.address import Endpoint

PIN = "sha256:" + "ab" * 32
CREDENTIALS = Credentials(username="admin", password=SecretStr("open-sesame"))


def test_plain_address_has_the_default_port() -> None:
    assert Endpoint.parse("redfish+https://bmc.example") == Endpoint("bmc.example", 443)


def test_address_may_name_a_system() -> None:
    endpoint = Endpoint.parse("redfish+https://10.0.0.1:8443/redfish/v1/Systems/abc/")
    assert endpoint == Endpoint("10.0.0.1", 8443, "/redfish/v1/Systems/abc")
    assert endpoint.base_url == "https://10.0.0.1:8443"


def test_ipv6_addresses_keep_their_brackets() -> None:
    assert Endpoint.parse("redfish+https://[::1]:8443").base_url == "https://[::1]:8443"


@pytest.mark.parametrize(
    "address",
    [
        "redfish+https://",
        "redfish+https://h:99999",
        "redfish+https://h:port",
        "redfish+https://[::1",
        "redfish+https://h/admin",
        "redfish+https://h/redfish/v1/Systems/",
        "redfish+https://h/redfish/v1/Systems/../x",
        "redfish+https://h/redfish/v1/Chassis/1",
        "redfish+https://h?x=1",
        "redfish+https://h#x",
    ],
)
def test_addresses_that_cannot_be_used_are_refused_with_a_hint(address: str) -> None:
    with pytest.raises(BmcMisconfigured) as caught:
        open_bmc(address, CREDENTIALS, fingerprint=PIN)
    assert caught.value.hint


@pytest.mark.parametrize(
    "address", ["redfish+https://admin:open-sesame@h", "https://admin:open-sesame@h"]
)
def test_password_in_an_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(BmcMisconfigured) as caught:
        open_bmc(address, CREDENTIALS, fingerprint=PIN)
    assert "open-sesame" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("address", ["ipmi://10.0.0.1", "https://10.0.0.1", "10.0.0.1", ""])
def test_unknown_scheme_names_scheme_address_and_what_is_valid(address: str) -> None:
    with pytest.raises(BmcMisconfigured) as caught:
        open_bmc(address, CREDENTIALS, fingerprint=PIN)
    assert repr(address) in str(caught.value)
    assert repr(address.partition("://")[0] if "://" in address else "") in str(caught.value)
    assert "redfish+https://" in caught.value.hint
    assert "ipmi://" not in caught.value.hint


def test_bmc_without_pin_and_ca_is_refused_with_a_hint() -> None:
    with pytest.raises(BmcMisconfigured, match="neither") as caught:
        open_bmc("redfish+https://h", CREDENTIALS)
    assert "sha256:" in caught.value.hint


@pytest.mark.parametrize("pin", ["", "sha256:", "sha256:zz", "ab" * 32, "sha1:" + "ab" * 20])
def test_malformed_pins_are_refused(pin: str) -> None:
    with pytest.raises(BmcMisconfigured, match="fingerprint"):
        Trust.parse(address="h", fingerprint=pin, ca_file=None)


def test_missing_ca_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BmcMisconfigured, match=r"nowhere\.pem"):
        Trust.parse(address="h", fingerprint=None, ca_file=tmp_path / "nowhere.pem")


def test_pin_decides_where_a_ca_is_given_too(tmp_path: Path) -> None:
    trust = Trust.parse(address="h", fingerprint=PIN, ca_file=tmp_path / "ca.pem")
    assert trust == Trust(fingerprint=bytes.fromhex("ab" * 32), ca_file=None)


def test_redfish_driver_satisfies_every_protocol() -> None:
    bmc = open_bmc("redfish+https://h", CREDENTIALS, fingerprint=PIN)
    for protocol in (MediaDriver, BiosDriver, FirmwareDriver, PowerMeter):
        assert isinstance(bmc, protocol)


def test_password_does_not_print() -> None:
    told = repr(CREDENTIALS) + str(CREDENTIALS) + CREDENTIALS.model_dump_json()
    assert "open-sesame" not in told
