"""Addresses, pins and the choice of a driver: what our own records may say."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from provisioning.drivers.capabilities import (
    INSTEAD,
    PROTOCOLS,
    Capability,
    lacking,
    offered,
)
from provisioning.drivers.choose import open_bmc
from provisioning.drivers.credentials import BmcMisconfigured, Credentials, Trust
from provisioning.drivers.ipmi.driver import IpmiBmc
from provisioning.drivers.protocol import BootEnabled, BootSource, BootTarget
from provisioning.drivers.redfish.address import Endpoint
from provisioning.errors import Unsupported

PIN = "sha256:" + "ab" * 32
CREDENTIALS = Credentials(username="admin", password=SecretStr("open-sesame"))
KEY_ACCOUNT = Credentials(
    username="podyard",
    password=SecretStr("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----"),
)


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


@pytest.mark.parametrize("address", ["http://10.0.0.1", "https://10.0.0.1", "10.0.0.1", ""])
def test_unknown_scheme_names_scheme_address_and_what_is_valid(address: str) -> None:
    with pytest.raises(BmcMisconfigured) as caught:
        open_bmc(address, CREDENTIALS, fingerprint=PIN)
    assert repr(address) in str(caught.value)
    assert repr(address.partition("://")[0] if "://" in address else "") in str(caught.value)
    for scheme in ("redfish+https://", "ipmi://", "ssh://"):
        assert scheme in caught.value.hint


def test_ipmi_is_off_unless_the_site_switches_it_on() -> None:
    with pytest.raises(BmcMisconfigured, match="switched off") as caught:
        open_bmc("ipmi://10.0.0.1", CREDENTIALS)
    assert "PODYARD_PROVISIONING_IPMI" in caught.value.hint
    bmc = open_bmc("ipmi://10.0.0.1", CREDENTIALS, ipmi_allowed=True)
    assert isinstance(bmc, IpmiBmc)


def test_each_driver_offers_what_it_has_and_no_more() -> None:
    redfish = offered(open_bmc("redfish+https://h", CREDENTIALS, fingerprint=PIN))
    ipmi = offered(open_bmc("ipmi://h", CREDENTIALS, ipmi_allowed=True))
    ssh = offered(open_bmc("ssh://h", KEY_ACCOUNT, fingerprint=PIN))
    assert redfish == frozenset(Capability) - {Capability.CIPHERS}
    assert ipmi >= {Capability.POWER, Capability.SENSORS, Capability.LOGS, Capability.CIPHERS}
    assert not ipmi & {Capability.MEDIA, Capability.FIRMWARE, Capability.CERTIFICATES}
    assert ssh == frozenset()


@pytest.mark.parametrize(
    "address",
    [
        "ipmi://",
        "ipmi://admin:open-sesame@h",
        "ipmi://h:99999",
        "ipmi://h/x",
        "ipmi://h?x=1",
        "ssh://",
        "ssh://root:open-sesame@h",
        "ssh://-oProxyCommand=id",
        "ssh://h/x",
        "ssh://h h",
    ],
)
def test_other_addresses_that_cannot_be_used_are_refused_with_a_hint(address: str) -> None:
    with pytest.raises(BmcMisconfigured) as caught:
        open_bmc(address, KEY_ACCOUNT, fingerprint=PIN, ipmi_allowed=True)
    assert caught.value.hint
    assert "open-sesame" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("username", "password"), [("u" * 17, "open-sesame"), ("u", "open-sesame-open-sesame")]
)
def test_account_that_does_not_fit_into_ipmi_is_refused_before_anything_is_sent(
    username: str, password: str
) -> None:
    account = Credentials(username=username, password=SecretStr(password))
    with pytest.raises(BmcMisconfigured, match="do not fit") as caught:
        open_bmc("ipmi://h", account, ipmi_allowed=True)
    assert password not in str(caught.value)


def test_adopted_host_needs_a_pin_and_a_key() -> None:
    with pytest.raises(BmcMisconfigured, match="fingerprint"):
        open_bmc("ssh://h", KEY_ACCOUNT)
    with pytest.raises(BmcMisconfigured, match="private key"):
        open_bmc("ssh://h", CREDENTIALS, fingerprint=PIN)


async def test_adopted_host_refuses_power_and_boot_with_a_hint() -> None:
    host = open_bmc("ssh://h", KEY_ACCOUNT, fingerprint=PIN)
    source = BootSource(target=BootTarget.PXE, enabled=BootEnabled.ONCE)
    for refused in (
        host.power(),
        host.power_on(),
        host.power_off(),
        host.boot_source(),
        host.set_boot_source(source),
    ):
        with pytest.raises(Unsupported) as caught:
            await refused
        assert caught.value.hint


def test_every_capability_has_a_protocol_and_says_what_to_do_without_it() -> None:
    assert set(PROTOCOLS) == set(INSTEAD) == set(Capability)
    for what in Capability:
        lack = lacking(what, where="h1")
        assert (str(what) in str(lack), bool(lack.hint)) == (True, True)


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


def test_password_does_not_print() -> None:
    told = repr(CREDENTIALS) + str(CREDENTIALS) + CREDENTIALS.model_dump_json()
    assert "open-sesame" not in told
