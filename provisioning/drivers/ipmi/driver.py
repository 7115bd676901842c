"""The IPMI driver: the port's verbs as IPMI commands.

Off and on only: chassis control has cycle, reset and pulse too, and no code here can send them. The
identity is FRU 0 and the system's GUID, read by the same session that is about to change something.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from inventory.states import PowerState
from pods.facts import HardwareFacts
from provisioning.drivers.capabilities import (
    BmcAccount,
    BmcRole,
    Ciphers,
    Indicator,
    LogEntry,
    PasswordPolicy,
    PowerLimit,
    SensorKind,
    SensorReading,
)
from provisioning.drivers.credentials import Credentials
from provisioning.drivers.ipmi import accounts, ciphers, dcmi
from provisioning.drivers.ipmi.address import IpmiEndpoint
from provisioning.drivers.ipmi.session import IpmiSession
from provisioning.drivers.protocol import BmcIdentity, BootEnabled, BootSource, BootTarget
from provisioning.errors import AnswerRefused, BmcRefused, Unsupported

DEADLINE_S = 15.0
CHASSIS, APPLICATION = 0x00, 0x06
_STATUS, _CONTROL, _IDENTIFY, _SET_BOOT, _GET_BOOT = 0x01, 0x02, 0x04, 0x08, 0x09
_DEVICE_ID, _RESTART, _SYSTEM_GUID = 0x01, 0x02, 0x37
_OFF, _ON, _SOFT_OFF = 0x00, 0x01, 0x05
"""The only two of chassis control's seven that converge."""
_VALID_BITS, _FLAGS = 3, 5
"""Boot option parameters."""
_VALID, _PERSISTENT, _UEFI = 0x80, 0x40, 0x20
_DEVICES = {BootTarget.NONE: 0x00, BootTarget.PXE: 0x04, BootTarget.HDD: 0x08, BootTarget.CD: 0x14}
_REMOTE_CD = 0x20
_FOREVER = 0x01
_SENSOR_KINDS = {
    "temperature": SensorKind.TEMPERATURE,
    "voltage": SensorKind.VOLTAGE,
    "current": SensorKind.CURRENT,
    "fan": SensorKind.FAN,
}
_UNITS = {"°C": "Cel", "degrees C": "Cel", "W": "W", "V": "V", "A": "A", "RPM": "RPM"}
_NO_TIME = 0xFFFFFFFF
_CLOCK_STARTS_AT = 0x20000000
"""Smaller SEL times count from the BMC's start, not from 1970."""


class IpmiBmc:
    """One BMC spoken to over IPMI. Nothing is sent before the first verb."""

    def __init__(self, *, session: IpmiSession, clock: Callable[[], datetime]) -> None:
        self._session = session
        self._clock = clock

    @classmethod
    def connect(
        cls,
        address: str,
        credentials: Credentials,
        *,
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Self:
        """Describe the BMC at `ipmi://host[:port]`."""
        session = IpmiSession(
            endpoint=IpmiEndpoint.parse(address), credentials=credentials, deadline_s=deadline_s
        )
        return cls(session=session, clock=clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def suite(self) -> int:
        """The cipher suite in use, 17 or 3; 0 before the log-in."""
        return self._session.suite

    async def identity(self) -> BmcIdentity:
        """FRU 0, the system's GUID and the BMC's version."""
        device = await self._session.read(APPLICATION, _DEVICE_ID)
        if len(device) < 4:  # noqa: PLR2004 - id, revision and the two bytes of the version
            raise AnswerRefused(f"{self._session.label}: the device id is cut short")
        product = await self._product()
        return BmcIdentity(
            serial=_first(product, "Serial Number", "Chassis serial number", "Board serial number"),
            uuid=await self._uuid(),
            manufacturer=_first(product, "Manufacturer", "Board manufacturer"),
            model=_first(product, "Product name", "Board product name", "Model"),
            bmc_firmware=f"{device[2] & 0x7F}.{device[3]:02x}",
        )

    async def facts(self) -> HardwareFacts:
        """Who the host is. IPMI tells next to nothing of what is in it."""
        found, product = await self.identity(), await self._product()
        return HardwareFacts(
            observed_at=self._clock(),
            source="ipmi",
            manufacturer=found.manufacturer,
            model=found.model,
            serial=found.serial,
            uuid=found.uuid,
            bmc_firmware=found.bmc_firmware,
            chassis_serial=_first(product, "Chassis serial number"),
            part_number=_first(product, "Chassis part number", "Model"),
            asset_tag=_first(product, "Asset Number"),
        )

    async def power(self) -> PowerState:
        """On or off; IPMI knows nothing between."""
        status = await self._session.read(CHASSIS, _STATUS)
        if not status:
            return PowerState.UNKNOWN
        return PowerState.ON if status[0] & 1 else PowerState.OFF

    async def power_on(self) -> None:
        """Converge: ask for power up unless it is on."""
        if await self.power() is not PowerState.ON:
            await self._session.change(CHASSIS, _CONTROL, _ON)

    async def power_off(self) -> None:
        """Converge: ask for power down unless it is off."""
        if await self.power() is not PowerState.OFF:
            await self._session.change(CHASSIS, _CONTROL, _OFF)

    async def shut_down(self) -> None:
        """Converge: have ACPI tell the operating system; a BMC that cannot takes the power."""
        if await self.power() is PowerState.OFF:
            return
        try:
            await self._session.change(CHASSIS, _CONTROL, _SOFT_OFF)
        except BmcRefused:
            await self._session.change(CHASSIS, _CONTROL, _OFF)

    async def boot_source(self) -> BootSource:
        """The boot flags in force."""
        flags = (await self._session.read(CHASSIS, _GET_BOOT, _FLAGS, 0, 0))[2:]
        none = BootSource(target=BootTarget.NONE, enabled=BootEnabled.DISABLED)
        if len(flags) < 2 or not flags[0] & _VALID:  # noqa: PLR2004 - flags and device
            return none
        device = flags[1] & 0x3C
        known = {code: target for target, code in _DEVICES.items()} | {_REMOTE_CD: BootTarget.CD}
        target = known.get(device, BootTarget.NONE)
        if device == 0:
            return none
        lasting = bool(flags[0] & _PERSISTENT)
        enabled = BootEnabled.CONTINUOUS if lasting else BootEnabled.ONCE
        return BootSource(target=target, enabled=enabled)

    async def set_boot_source(self, source: BootSource) -> None:
        """Converge. The flags outlive the minute that the standard gives them by default."""
        code = _DEVICES.get(source.target)
        if code is None:
            raise Unsupported(
                f"{self._session.label}: IPMI cannot boot from {source.target}",
                hint="give this host a Redfish address, or boot it by PXE",
            )
        off = code == 0 or source.enabled is BootEnabled.DISABLED
        wanted = BootSource(target=BootTarget.NONE, enabled=BootEnabled.DISABLED) if off else source
        if await self.boot_source() == wanted:
            return
        await self._keep_flags()
        lasting = _PERSISTENT if source.enabled is BootEnabled.CONTINUOUS else 0
        flags = 0 if off else _VALID | _UEFI | lasting
        await self._session.change(CHASSIS, _SET_BOOT, _FLAGS, flags, 0 if off else code, 0, 0, 0)

    async def sensors(self) -> tuple[SensorReading, ...]:
        """Every sensor of the SDR."""
        return tuple(
            SensorReading(
                name=_text(one["name"]),
                kind=_SENSOR_KINDS.get(_text(one["type"]).lower(), _kind_by_unit(one["unit"])),
                value=None if one["value"] is None else float(one["value"]),
                unit=_UNITS.get(_text(one["unit"]), _text(one["unit"])),
                health=_text(one["health"]),
            )
            for one in await self._session.sensors()
        )

    async def power_draw_watts(self) -> float | None:
        """Watts by DCMI; None where the BMC does not measure."""
        return await dcmi.power_draw_watts(self._session)

    async def power_limit(self) -> PowerLimit:
        """The DCMI limit in force."""
        return await dcmi.power_limit(self._session)

    async def set_power_limit(self, watts: float | None) -> None:
        """Converge: None lifts the limit."""
        await dcmi.set_power_limit(self._session, watts)

    async def indicator(self) -> Indicator:
        """The identify light, as chassis status tells it where it does."""
        status = await self._session.read(CHASSIS, _STATUS)
        if len(status) < 3 or not status[2] & 0x40:  # noqa: PLR2004 - the state's place and mark
            return Indicator.UNKNOWN
        shown = {0: Indicator.OFF, 1: Indicator.BLINKING, 2: Indicator.LIT}
        return shown.get(status[2] >> 4 & 0x03, Indicator.UNKNOWN)

    async def set_indicator(self, wanted: Indicator) -> None:
        """Converge."""
        lit = wanted is not Indicator.OFF
        seen = await self.indicator()
        if seen is not Indicator.UNKNOWN and (seen is not Indicator.OFF) == lit:
            return
        await self._session.change(CHASSIS, _IDENTIFY, 0, _FOREVER if lit else 0)

    async def log_entries(self) -> tuple[LogEntry, ...]:
        """The system event log, oldest first."""
        return tuple(
            LogEntry(
                id=_text(one["id"]),
                at=_moment(one["at"]),
                severity=_text(one["severity"]),
                message=_text(one["message"]),
                source="SEL",
            )
            for one in await self._session.log()
        )

    async def restart_manager(self) -> None:
        """Cold reset of the BMC; the host runs on. Single try."""
        await self._session.change(APPLICATION, _RESTART)

    async def accounts(self) -> tuple[BmcAccount, ...]:
        """Everybody who may log in over IPMI."""
        return await accounts.accounts(self._session)

    async def password_policy(self) -> PasswordPolicy:
        """16 characters at most: some BMCs cut off the rest."""
        return accounts.password_policy()

    async def create_account(self, username: str, password: SecretStr, role: BmcRole) -> BmcAccount:
        """Add somebody; a name that is taken is refused."""
        return await accounts.create_account(self._session, username, password, role)

    async def set_account_password(self, username: str, password: SecretStr) -> None:
        """Replace a password. Single try; the session that is open stays so."""
        await accounts.set_account_password(self._session, username, password)

    async def delete_account(self, username: str) -> None:
        """Converge: nobody of that name."""
        await accounts.delete_account(self._session, username)

    async def ciphers(self) -> Ciphers:
        """Which cipher suites may be used."""
        return await ciphers.ciphers(self._session)

    async def close_weak_ciphers(self) -> None:
        """Converge: suites 0 to 2 may be used by nobody."""
        await ciphers.close_weak_ciphers(self._session)

    async def close(self) -> None:
        """Log out and close. Safe to call twice; never raises."""
        await self._session.close()

    async def _keep_flags(self) -> None:
        """Or the BMC forgets them 60 s later. Some do not know of that, and keep them anyway."""
        try:
            await self._session.change(CHASSIS, _SET_BOOT, _VALID_BITS, 0x08)
        except (BmcRefused, Unsupported):
            return

    async def _product(self) -> dict[str, str]:
        try:
            return await self._session.product()
        except (BmcRefused, Unsupported):
            return {}

    async def _uuid(self) -> str:
        """The system's GUID, as SMBIOS spells it."""
        try:
            raw = await self._session.read(APPLICATION, _SYSTEM_GUID)
        except (BmcRefused, Unsupported):
            return ""
        return str(uuid.UUID(bytes_le=raw[:16])) if len(raw) >= 16 else ""  # noqa: PLR2004


def _first(product: dict[str, str], *names: str) -> str:
    return next(filter(None, (_text(product.get(name, "")).strip() for name in names)), "")


def _text(value: object) -> str:
    said = str(value)
    return "".join(c if c.isprintable() else " " for c in said)[:256]


def _kind_by_unit(unit: object) -> SensorKind:
    return SensorKind.POWER if _text(unit) == "W" else SensorKind.OTHER


def _moment(at: object) -> datetime | None:
    if not isinstance(at, int) or at < _CLOCK_STARTS_AT or at == _NO_TIME:
        return None
    return datetime.fromtimestamp(at, tz=UTC)
