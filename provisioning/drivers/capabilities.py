"""What only some BMCs can do: one protocol each, asked for with `isinstance` or by name.

The port in `protocol` is what a bring-up cannot do without. Everything here is offered by some
drivers and lacked by others, and a step that needs one either does without it or stops with an
`Unsupported` that says what to do instead: `lacking` writes it, so that the words are the same
wherever it happens. `offered` tells which a driver has, for the page that lists them and for the
suite that tries them on every bed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import SecretStr

from provisioning.drivers.driveerase import DriveEraser
from provisioning.drivers.protocol import (
    BiosDriver,
    FirmwareDriver,
    ManagerReset,
    MediaDriver,
    PowerMeter,
    Reading,
    ResourceReader,
)
from provisioning.errors import Unsupported


class SensorKind(StrEnum):
    """What a sensor measures, in Redfish's spelling."""

    TEMPERATURE = "Temperature"
    POWER = "Power"
    ENERGY = "EnergykWh"
    VOLTAGE = "Voltage"
    CURRENT = "Current"
    FAN = "Rotational"
    FLOW = "LiquidFlowLPM"
    HUMIDITY = "Humidity"
    OTHER = "Other"


class SensorReading(Reading):
    """One sensor, looked at once. `value` is None without a reading, as with the power off."""

    name: str
    kind: SensorKind
    value: float | None
    unit: str
    health: str = ""


class PowerLimitDialect(StrEnum):
    """How a BMC spells a limit of its host's power."""

    ENVIRONMENT = "EnvironmentMetrics"
    CONTROL = "Control"
    POWER = "Power"
    NODE_MANAGER = "NodeManager"
    DCMI = "DCMI"


class PowerLimit(Reading):
    """The limit in force; `watts` is None when there is none."""

    watts: float | None
    least_watts: float | None = None
    most_watts: float | None = None
    dialect: PowerLimitDialect


class Indicator(StrEnum):
    """The light by which a person finds a host in a rack."""

    LIT = "Lit"
    BLINKING = "Blinking"
    OFF = "Off"
    UNKNOWN = "Unknown"


class LogEntry(Reading):
    """One line of a BMC's log. `at` is the BMC's own clock, which may stand in 1970."""

    id: str
    at: datetime | None
    severity: str
    message: str
    source: str = ""


class BmcAccount(Reading):
    """Somebody who may log in to a BMC."""

    id: str
    username: str
    role: str
    enabled: bool


class PasswordPolicy(Reading):
    """How long the passwords are that a BMC takes; `length_max` is None when it tells no bound."""

    length_min: int = 0
    length_max: int | None = None


class BmcRole(StrEnum):
    """What an account may do, in Redfish's spelling."""

    ADMINISTRATOR = "Administrator"
    OPERATOR = "Operator"
    READ_ONLY = "ReadOnly"


class BmcCertificate(Reading):
    """A certificate that the BMC presents to its clients."""

    path: str
    fingerprint: str
    subject: str
    valid_until: datetime | None


class Subscription(Reading):
    """Somebody to whom a BMC sends its events."""

    uri: str
    destination: str
    context: str


class BmcEvent(Reading):
    """One event as a BMC told it: a reason to look, never a fact to decide by."""

    id: str
    message_id: str
    message: str
    severity: str = ""
    origin: str = ""


class Ciphers(Reading):
    """Which IPMI cipher suites a BMC lets anybody use. 0 to 2 need no password or no secrecy."""

    enabled: tuple[int, ...]
    weak: tuple[int, ...]


@runtime_checkable
class IpmiLanDriver(Protocol):
    """A BMC, spoken to in another way, that tells whether it listens to IPMI over LAN."""

    async def ipmi_over_lan(self) -> bool | None:
        """Whether it does; None where it does not say, so that it cannot be closed either."""

    async def close_ipmi_over_lan(self) -> None:
        """Converge: it listens no more."""


@runtime_checkable
class SensorReader(Protocol):
    """A BMC with sensors."""

    async def sensors(self) -> tuple[SensorReading, ...]:
        """Every sensor's reading now."""


@runtime_checkable
class PowerLimiter(Protocol):
    """A BMC that can hold its host's draw below a limit."""

    async def power_limit(self) -> PowerLimit:
        """The limit in force and its bounds."""

    async def set_power_limit(self, watts: float | None) -> None:
        """Converge: hold the host below `watts`; None lifts the limit."""


@runtime_checkable
class IndicatorDriver(Protocol):
    """A BMC with a light that a person can find."""

    async def indicator(self) -> Indicator:
        """How it shines."""

    async def set_indicator(self, wanted: Indicator) -> None:
        """Converge: LIT or OFF; a BMC whose light can only blink takes LIT for that."""


@runtime_checkable
class LogReader(Protocol):
    """A BMC that keeps a log (SEL or LogServices)."""

    async def log_entries(self) -> tuple[LogEntry, ...]:
        """The newest entries of every log, oldest first."""


@runtime_checkable
class AccountDriver(Protocol):
    """A BMC whose accounts can be managed through it."""

    async def accounts(self) -> tuple[BmcAccount, ...]:
        """Everybody who may log in."""

    async def create_account(self, username: str, password: SecretStr, role: BmcRole) -> BmcAccount:
        """Add somebody. Single try; an account of that name is refused, never taken over."""

    async def set_account_password(self, username: str, password: SecretStr) -> None:
        """Replace a password. Single try; a lost reply is settled by logging in with either."""

    async def delete_account(self, username: str) -> None:
        """Converge: nobody of that name can log in any more."""


@runtime_checkable
class PasswordPolicyReader(Protocol):
    """A BMC that tells which passwords it takes."""

    async def password_policy(self) -> PasswordPolicy:
        """The bounds in force."""


@runtime_checkable
class CertificateDriver(Protocol):
    """A BMC whose own TLS certificate can be replaced."""

    async def certificates(self) -> tuple[BmcCertificate, ...]:
        """What it presents."""

    async def request_certificate(self, common_name: str) -> str:
        """A signing request (PEM) for a key that the BMC makes and keeps."""

    async def install_certificate(self, pem: str) -> None:
        """Present this from now on. The caller pins it before it talks to the BMC again."""


@runtime_checkable
class EventSource(Protocol):
    """A BMC that tells of events by itself."""

    async def subscriptions(self) -> tuple[Subscription, ...]:
        """Everybody who is told."""

    async def subscribe(self, destination: str, context: str) -> Subscription:
        """Converge: one subscription of this destination and context."""

    async def unsubscribe(self, uri: str) -> None:
        """Converge."""


@runtime_checkable
class EventStream(Protocol):
    """A BMC that streams its events (SSE) over a connection that we open."""

    def events(self) -> AsyncIterator[BmcEvent]:
        """Events as they come, until the BMC hangs up or the caller stops."""


@runtime_checkable
class FirmwarePusher(Protocol):
    """A BMC that takes a firmware image in the request itself (multipart push)."""

    async def push_firmware(self, component: str, image: Path) -> str:
        """Destructive: send the image, return the task's URI. Single try."""


@runtime_checkable
class CipherDriver(Protocol):
    """A BMC that speaks IPMI, whose weak cipher suites adoption must report and close."""

    async def ciphers(self) -> Ciphers:
        """What is enabled."""

    async def close_weak_ciphers(self) -> None:
        """Converge: nobody may use suites 0 to 2 any more."""


@runtime_checkable
class PowerDriver(Protocol):
    """Something that can turn its host on and off."""

    async def power_on(self) -> None:
        """Converge."""

    async def power_off(self) -> None:
        """Converge."""


@runtime_checkable
class BootDriver(Protocol):
    """Something that can say what its host boots from."""

    async def set_boot_source(self, source: Any) -> None:
        """Converge."""


class Capability(StrEnum):
    """Everything that a driver may or may not be able to do."""

    POWER = "power"
    BOOT_SOURCE = "boot source"
    MEDIA = "virtual media"
    BIOS = "BIOS attributes"
    FIRMWARE = "firmware"
    FIRMWARE_PUSH = "firmware push"
    SENSORS = "sensors"
    POWER_READING = "power reading"
    POWER_LIMIT = "power limit"
    INDICATOR = "indicator"
    LOGS = "logs"
    ACCOUNTS = "accounts"
    CERTIFICATES = "certificates"
    EVENTS = "event subscriptions"
    EVENT_STREAM = "event stream"
    BMC_RESTART = "BMC restart"
    RESOURCES = "whole tree"
    CIPHERS = "IPMI ciphers"
    IPMI_LAN = "IPMI over LAN"
    DRIVE_ERASE = "drive erase"


PROTOCOLS: Mapping[Capability, type[Any]] = {
    Capability.POWER: PowerDriver,
    Capability.BOOT_SOURCE: BootDriver,
    Capability.MEDIA: MediaDriver,
    Capability.BIOS: BiosDriver,
    Capability.FIRMWARE: FirmwareDriver,
    Capability.FIRMWARE_PUSH: FirmwarePusher,
    Capability.SENSORS: SensorReader,
    Capability.POWER_READING: PowerMeter,
    Capability.POWER_LIMIT: PowerLimiter,
    Capability.INDICATOR: IndicatorDriver,
    Capability.LOGS: LogReader,
    Capability.ACCOUNTS: AccountDriver,
    Capability.CERTIFICATES: CertificateDriver,
    Capability.EVENTS: EventSource,
    Capability.EVENT_STREAM: EventStream,
    Capability.BMC_RESTART: ManagerReset,
    Capability.RESOURCES: ResourceReader,
    Capability.CIPHERS: CipherDriver,
    Capability.IPMI_LAN: IpmiLanDriver,
    Capability.DRIVE_ERASE: DriveEraser,
}
"""What a driver must satisfy to offer each."""

INSTEAD: Mapping[Capability, str] = {
    Capability.POWER: "switch this host on or off by its PDU or by hand, or give it a BMC address",
    Capability.BOOT_SOURCE: "set the boot order in the firmware's own menu",
    Capability.MEDIA: "boot this host over HTTP or PXE, or give it a Redfish address",
    Capability.BIOS: "set them in the firmware's own menu, or take them out of the spec",
    Capability.FIRMWARE: "update this host with its vendor's tool, or give it a Redfish address",
    Capability.FIRMWARE_PUSH: "let the BMC fetch the image (SimpleUpdate) from the image server",
    Capability.SENSORS: "read them on the host, by the agent",
    Capability.POWER_READING: "read the draw at the PDU or on the host, by the agent",
    Capability.POWER_LIMIT: "limit the accelerators on the host, or plan with the nameplate watts",
    Capability.INDICATOR: "find the host by its rack position and serial number",
    Capability.LOGS: "read the log in the BMC's own web page",
    Capability.ACCOUNTS: "change the account in the BMC's own web page",
    Capability.CERTIFICATES: "pin the certificate it has: podyard host bmc NAME --fingerprint",
    Capability.EVENTS: "podyard polls this BMC instead; nothing is lost but time",
    Capability.EVENT_STREAM: "podyard polls this BMC instead; nothing is lost but time",
    Capability.BMC_RESTART: "take the BMC's power away: unplug the host, or its outlet at the PDU",
    Capability.RESOURCES: "interoperability profiles need a Redfish BMC",
    Capability.CIPHERS: "only an IPMI address has cipher suites",
    Capability.IPMI_LAN: "switch IPMI over LAN off in the BMC's own web page",
    Capability.DRIVE_ERASE: "erase the drives on the host, or pull them before the next tenant",
}
"""What a person does about a lack."""


def offered(bmc: object) -> frozenset[Capability]:
    """What this driver can do. `without` names core verbs that its transport cannot carry."""
    without: frozenset[Capability] = getattr(bmc, "without", frozenset())
    able = {one for one, protocol in PROTOCOLS.items() if isinstance(bmc, protocol)}
    return frozenset(able - without)


def lacking(what: Capability, *, where: str) -> Unsupported:
    """The refusal of a step that needs `what`; `where` is a host's name or a BMC's address."""
    return Unsupported(f"{where}: no {what} here", hint=INSTEAD[what])
