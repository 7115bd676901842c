"""What each bed has, and why it lacks what it lacks: the contract's own word, said once.

A test of a capability runs on every bed that declares it, and is skipped on the others with the
reason given here; `test_bmc_lacks` then shows that the lack is refused clearly and not with a
crash. The page `docs/reference/bmc-capabilities.md` is made of what a recorded run did with this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from provisioning.drivers.capabilities import Capability

EVERY_REDFISH = frozenset(Capability) - {Capability.CIPHERS}
EVERY_IPMI = frozenset(
    {
        Capability.POWER,
        Capability.BOOT_SOURCE,
        Capability.SENSORS,
        Capability.POWER_READING,
        Capability.POWER_LIMIT,
        Capability.INDICATOR,
        Capability.LOGS,
        Capability.BMC_RESTART,
        Capability.CIPHERS,
        Capability.ACCOUNTS,
    }
)


class Maker(StrEnum):
    """Whose work answers: what a bed proves depends on it."""

    OTHERS = "others"
    PAYLOADS = "other people's payloads, our server"
    OURS = "ours"


class Trait(StrEnum):
    """What a bed may do about a capability that it has."""

    ONCE = "once"
    CONTINUOUS = "continuous"
    DISABLED = "disabled"
    HARDWARE = "hardware"
    TLS = "TLS"
    SESSIONS = "sessions"
    CLOCK = "clock"


@dataclass(frozen=True)
class Declaration:
    """One bed. `without` says why, for capabilities of its protocol and for traits."""

    name: str
    what: str
    by: str
    """Who made what answers."""
    whose: Maker
    offers: frozenset[Capability]
    """What the driver of its protocol offers at all."""
    without: Mapping[Capability | Trait, str] = field(default_factory=dict)

    @property
    def has(self) -> frozenset[Capability]:
        """What is tried on it."""
        return self.offers - {one for one in self.without if isinstance(one, Capability)}

    def why_not(self, what: Capability) -> str:
        """Why `what` is not tried on it; empty when it is."""
        if what in self.without:
            return self.without[what]
        return "" if what in self.offers else "its protocol has no such thing"


SIMULATOR = Declaration(
    name="simulator",
    what="one host of the simulated hall",
    by="podyard",
    whose=Maker.OURS,
    offers=EVERY_REDFISH,
)
SUSHY = Declaration(
    name="sushy-emulator",
    what="`sushy-emulator --fake`, two Systems, HTTP basic",
    by="OpenStack (sushy-tools)",
    whose=Maker.OTHERS,
    offers=EVERY_REDFISH,
    without={
        Capability.BIOS: "its fake driver has no BIOS attributes",
        Capability.FIRMWARE: "it has no FirmwareInventory",
        Capability.FIRMWARE_PUSH: "it has no push address",
        Capability.POWER_READING: "it has no power readings",
        Capability.POWER_LIMIT: "it has no power readings, and no limit of them",
        Capability.LOGS: "it has no LogServices",
        Capability.ACCOUNTS: "it has no AccountService",
        Capability.CERTIFICATES: "it shows certificates of virtual media alone",
        Capability.IPMI_LAN: "its Manager tells of no network protocols",
        Capability.EVENTS: "it has no EventService",
        Capability.EVENT_STREAM: "it has no EventService",
        Capability.BMC_RESTART: "its Manager has no actions",
        Capability.RESOURCES: "its Storage answers 500 for ever",
        Capability.DRIVE_ERASE: "its Storage answers 500 for ever",
        Trait.ONCE: "it stores Once as Continuous",
        Trait.DISABLED: "it has no way to clear an override",
        Trait.HARDWARE: "its fake driver has network interfaces and nothing else",
        Trait.SESSIONS: "it has no SessionService",
    },
)
MOCKUP = Declaration(
    name="dmtf-mockup",
    what="DMTF's `public-rackmount1`, served with 170 lines of ours that keep what is written",
    by="DMTF (payloads), podyard (server)",
    whose=Maker.PAYLOADS,
    offers=EVERY_REDFISH,
    without={
        Capability.POWER: "a written power state proves nothing about power",
        Capability.MEDIA: "its drive has no host that would read it",
        Capability.FIRMWARE_PUSH: "a file that nobody writes proves nothing",
        Capability.FIRMWARE: "no task runs behind it",
        Capability.DRIVE_ERASE: "no task runs behind it, and its drives hold nothing",
        Capability.CERTIFICATES: "its certificates are listed without their text",
        Capability.EVENT_STREAM: "its EventService names no stream (ServerSentEventUri)",
        Trait.HARDWARE: "a general server: no accelerators",
        Trait.SESSIONS: "our server of it keeps none",
        Trait.DISABLED: "what is written merges and clears nothing",
    },
)
IPMI_SIM = Declaration(
    name="ipmi_sim",
    what="OpenIPMI's BMC simulator, lanplus with cipher suite 3",
    by="OpenIPMI (Debian openipmi)",
    whose=Maker.OTHERS,
    offers=EVERY_IPMI,
    without={
        Capability.POWER_READING: "it has no DCMI",
        Capability.POWER_LIMIT: "it has no DCMI",
        Capability.INDICATOR: "its chassis status does not tell the light",
        Capability.BMC_RESTART: "a cold reset ends its sensors and log",
        Capability.BOOT_SOURCE: "it keeps the boot device and never marks it as valid",
        Trait.HARDWARE: "IPMI does not tell",
        Trait.TLS: "IPMI has no certificate",
        Trait.CLOCK: "its clock counts from its own start",
    },
)
PYGHMI = Declaration(
    name="pyghmi-bmc",
    what="a subclass of pyghmi's `ipmi.bmc.Bmc`, in a process of its own",
    by="OpenStack (pyghmi)",
    whose=Maker.OTHERS,
    offers=EVERY_IPMI,
    without={
        Capability.SENSORS: "the class has no sensors",
        Capability.LOGS: "the class has no SEL",
        Capability.POWER_READING: "the class has no DCMI",
        Capability.POWER_LIMIT: "the class has no DCMI",
        Capability.INDICATOR: "the class has no identify command",
        Capability.BMC_RESTART: "the class answers a cold reset by whatever its subclass does",
        Capability.ACCOUNTS: "the class is made with its accounts and has no user commands",
        Capability.CIPHERS: "the class tells its one cipher suite before a log-in alone",
        Trait.SESSIONS: "the class keeps no table of sessions that could fill",
        Trait.CONTINUOUS: "the class keeps the boot device and not how long it holds",
        Trait.DISABLED: "the class always tells an override",
        Trait.HARDWARE: "IPMI does not tell",
        Trait.TLS: "IPMI has no certificate",
    },
)
BEDS: Mapping[str, Declaration] = {
    one.name: one for one in (SIMULATOR, SUSHY, MOCKUP, IPMI_SIM, PYGHMI)
}
