"""What the IPMI driver can send: off and on, and never a cycle, a reset or a pulse."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from inventory.states import PowerState
from provisioning.drivers.capabilities import Indicator
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.ipmi import ciphers, driver
from provisioning.drivers.ipmi.driver import IpmiBmc
from provisioning.drivers.protocol import BootEnabled, BootSource, BootTarget
from provisioning.errors import BmcRefused, Unsupported

CHASSIS_CONTROL = (0x00, 0x02)
Answer = Callable[[tuple[int, ...]], bytes]


class Wire:
    """In the place of a session: answers by command, and keeps what was sent."""

    label = "h1"

    def __init__(self, **answers: bytes | Exception) -> None:
        self.answers = answers
        self.changes: list[tuple[int, ...]] = []

    async def read(self, netfn: int, command: int, *data: int) -> bytes:
        found = self.answers.get(f"c{netfn:02x}{command:02x}", b"")
        if callable(found):
            found = found(data)
        if isinstance(found, Exception):
            raise found
        return found

    async def change(self, netfn: int, command: int, *data: int) -> bytes:
        self.changes.append((netfn, command, *data))
        return b""


def bmc(wire: Any) -> IpmiBmc:
    made = IpmiBmc.connect("ipmi://h1", Credentials(username="u", password=SecretStr("p")))
    made._session = wire
    return made


@pytest.mark.parametrize(
    ("status", "verb", "sent"),
    [
        (b"\x01", "power_off", [(0, 2, 0)]),
        (b"\x00", "power_on", [(0, 2, 1)]),
        (b"\x00", "power_off", []),
        (b"\x01", "power_on", []),
        (b"", "power_off", [(0, 2, 0)]),
        (b"\x01", "shut_down", [(0, 2, 5)]),
        (b"\x00", "shut_down", []),
    ],
)
async def test_power_is_asked_for_only_where_it_is_not_so(
    status: bytes, verb: str, sent: list[tuple[int, ...]]
) -> None:
    wire = Wire(c0001=status)
    await getattr(bmc(wire), verb)()
    assert wire.changes == sent


async def test_bmc_that_cannot_ask_the_operating_system_takes_the_power() -> None:
    class Refusing(Wire):
        async def change(self, netfn: int, command: int, *data: int) -> bytes:
            await super().change(netfn, command, *data)
            if data == (5,):
                raise BmcRefused("h1: completion code 0xcc", status=0xCC, hint="")
            return b""

    wire = Refusing(c0001=b"\x01")
    await bmc(wire).shut_down()
    assert wire.changes == [(0, 2, 5), (0, 2, 0)]


def test_no_other_chassis_control_is_written_anywhere() -> None:
    tree = ast.parse(Path(driver.__file__).read_text())
    sent = [
        ast.unparse(call.args[2])
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and [ast.unparse(one) for one in call.args[:2]] == ["CHASSIS", "_CONTROL"]
    ]
    assert set(sent) == {"_OFF", "_ON", "_SOFT_OFF"}
    assert (driver._OFF, driver._ON) == (0, 1)


async def test_unknown_power_is_unknown() -> None:
    assert await bmc(Wire(c0001=b"")).power() is PowerState.UNKNOWN


@pytest.mark.parametrize(
    ("flags", "target", "enabled"),
    [
        (b"\x01\x05\x00\x04\x00\x00\x00", BootTarget.NONE, BootEnabled.DISABLED),
        (b"\x01\x05\x80\x04\x00\x00\x00", BootTarget.PXE, BootEnabled.ONCE),
        (b"\x01\x05\xe0\x08\x00\x00\x00", BootTarget.HDD, BootEnabled.CONTINUOUS),
        (b"\x01\x05\xa0\x20\x00\x00\x00", BootTarget.CD, BootEnabled.ONCE),
        (b"\x01\x05\x80\x00\x00\x00\x00", BootTarget.NONE, BootEnabled.DISABLED),
        (b"", BootTarget.NONE, BootEnabled.DISABLED),
    ],
)
async def test_boot_flags_are_read_by_the_standard(
    flags: bytes, target: BootTarget, enabled: BootEnabled
) -> None:
    found = await bmc(Wire(c0009=flags)).boot_source()
    assert found == BootSource(target=target, enabled=enabled)


async def test_boot_over_http_is_refused_with_a_hint() -> None:
    wire = Wire()
    with pytest.raises(Unsupported, match="UefiHttp") as caught:
        await bmc(wire).set_boot_source(
            BootSource(target=BootTarget.UEFI_HTTP, enabled=BootEnabled.ONCE)
        )
    assert caught.value.hint
    assert wire.changes == []


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (b"\x01\x00\x00", Indicator.UNKNOWN),
        (b"\x01\x00\x40", Indicator.OFF),
        (b"\x01\x00\x50", Indicator.BLINKING),
        (b"\x01\x00\x60", Indicator.LIT),
    ],
)
async def test_light_is_told_only_where_the_bmc_tells_it(status: bytes, shown: Indicator) -> None:
    assert await bmc(Wire(c0001=status)).indicator() is shown


async def test_draw_is_read_over_dcmi_while_it_is_measured() -> None:
    told = bytes([0xDC]) + (512).to_bytes(2, "little") + bytes(14)
    assert await bmc(Wire(c2c02=told + b"\x40")).power_draw_watts() == 512
    assert await bmc(Wire(c2c02=told + b"\x00")).power_draw_watts() is None
    assert await bmc(Wire(c2c02=Unsupported("no"))).power_draw_watts() is None


async def test_dcmi_limit_is_set_and_then_activated() -> None:
    none = BmcRefused("no limit", status=0x80)
    wire = Wire(c2c03=none)
    await bmc(wire).set_power_limit(800)
    (set_limit, activate) = wire.changes
    assert set_limit[:3] == (0x2C, 0x04, 0xDC)
    assert int.from_bytes(bytes(set_limit[7:9]), "little") == 800
    assert activate[:4] == (0x2C, 0x05, 0xDC, 1)
    wire = Wire(c2c03=none)
    await bmc(wire).set_power_limit(None)
    assert wire.changes == []


def suites(*numbers: int, privileges: bytes) -> Callable[[tuple[int, ...]], bytes]:
    told = {
        22: bytes([0x11, len(numbers)]),
        23: bytes([0x11, 0, *numbers]),
        24: bytes([0x11, 0]) + privileges,
    }
    return lambda data: told[data[1]]


async def test_only_weak_suites_are_closed() -> None:
    privileges = bytes([0x44, 0x44, 0x44, 0, 0, 0, 0, 0])
    wire = Wire(c0c02=suites(0, 1, 2, 3, 17, privileges=privileges))  # type: ignore[arg-type]
    found = await ciphers.ciphers(wire)  # type: ignore[arg-type]
    assert (found.enabled, found.weak) == ((0, 1, 2, 3, 17), (0, 1, 2))
    await ciphers.close_weak_ciphers(wire)  # type: ignore[arg-type]
    assert wire.changes == [(0x0C, 1, 0x0E, 24, 0, 0x00, 0x40, 0x44, 0, 0, 0, 0, 0)]


async def test_closed_suites_are_not_written_again() -> None:
    privileges = bytes([0x40, 0x04, 0, 0, 0, 0, 0, 0])
    wire = Wire(c0c02=suites(0, 3, 17, privileges=privileges))  # type: ignore[arg-type]
    found = await ciphers.ciphers(wire)  # type: ignore[arg-type]
    assert (found.enabled, found.weak) == ((3, 17), ())
    await ciphers.close_weak_ciphers(wire)  # type: ignore[arg-type]
    assert wire.changes == []


async def test_without_a_configuration_the_channel_tells_its_suites() -> None:
    records = b"\x01" + b"\xc0\x00\x00\x40\x80" + b"\xc0\x03\x01\x41\x81"
    wire = Wire(c0c02=Unsupported("no"), c0654=records)
    found = await ciphers.ciphers(wire)  # type: ignore[arg-type]
    assert (found.enabled, found.weak) == ((0, 3), (0,))
