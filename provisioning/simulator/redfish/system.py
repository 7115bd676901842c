"""The host itself, and the baseboard beside it that holds accelerators and nothing to boot."""

from __future__ import annotations

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.defects import planted
from provisioning.simulator.hardware import part_serial, part_uuid
from provisioning.simulator.host import BOOT_ENABLED, BOOT_TARGETS, RESET_TYPES
from provisioning.simulator.redfish import booting
from provisioning.simulator.redfish.altering import DECOY, decoy
from provisioning.simulator.redfish.resource import (
    ENABLED,
    ROOT,
    Body,
    Builders,
    collection,
    link,
    links,
    resource,
)

TYPE = "ComputerSystem.v1_22_0.ComputerSystem"


def fixed(bmc: SimulatedBmc) -> Builders:
    """The Systems, BIOS and secure boot."""
    system, baseboard = bmc.paths.system, bmc.paths.baseboard
    listed = [path for path in (system, baseboard) if path]
    found: Builders = {
        f"{ROOT}/Systems": lambda: collection(
            f"{ROOT}/Systems", "ComputerSystemCollection", name="Systems", members=listed
        ),
        system: lambda: computer_system(bmc),
        f"{system}/Bios": lambda: bios(bmc),
        f"{system}/Bios/Settings": lambda: bios_settings(bmc),
        f"{system}/SecureBoot": lambda: secure_boot(bmc),
        **booting.fixed(bmc),
    }
    if booting.tells_what_comes(bmc):
        found[f"{system}/Settings"] = lambda: booting.coming(bmc, kind=TYPE)
    if planted(bmc.host.plan.faults, "two-systems"):
        found[DECOY] = lambda: decoy(bmc)
    if baseboard:
        found[baseboard] = lambda: gpu_baseboard(bmc)
    return found


def computer_system(bmc: SimulatedBmc) -> Body:
    """The host: who it is, whether it is on, what it boots."""
    plan, state, paths = bmc.host.plan, bmc.host.state, bmc.paths
    sockets = bmc.parts.processors
    own = paths.processors == paths.system
    return resource(
        paths.system,
        TYPE,
        name=plan.name,
        SystemType="Physical",
        Manufacturer=plan.host_type.manufacturer,
        Model=plan.host_type.model,
        SerialNumber=bmc.host.serial,
        UUID=bmc.host.uuid,
        HostName=plan.name,
        AssetTag=state.asset_tag,
        LocationIndicatorActive=state.lit,
        BiosVersion=state.firmware[bmc.model.bios],
        PowerState=bmc.host.power,
        Status=ENABLED if state.power == "On" else {"State": "StandbyOffline", "Health": "OK"},
        BootProgress={"LastState": bmc.host.boot_progress},
        Boot={
            "BootSourceOverrideTarget": state.boot_target,
            "BootSourceOverrideTarget@Redfish.AllowableValues": list(BOOT_TARGETS),
            "BootSourceOverrideEnabled": state.boot_enabled,
            "BootSourceOverrideEnabled@Redfish.AllowableValues": list(BOOT_ENABLED),
            "BootSourceOverrideMode": "UEFI",
            "BootSourceOverrideMode@Redfish.AllowableValues": ["UEFI"],
            "HttpBootUri": state.http_boot_uri,
            "BootOrder": booting.order(bmc),
            "BootOptions": link(f"{paths.system}/BootOptions"),
        },
        ProcessorSummary={
            "Count": len(sockets),
            "CoreCount": sum(socket.cores for socket in sockets),
            "Model": plan.host_type.processors.model,
        },
        MemorySummary={
            "TotalSystemMemoryGiB": sum(module.capacity_gib for module in bmc.parts.memory)
        },
        TrustedModules=_trusted_modules(bmc),
        Bios=link(f"{paths.system}/Bios"),
        SecureBoot=link(f"{paths.system}/SecureBoot"),
        Storage=link(f"{paths.system}/Storage"),
        **_linked(bmc, "EthernetInterfaces", present=bmc.model.interfaces != "none"),
        **_linked(bmc, "Processors", present=own),
        **_linked(bmc, "Memory", present=own),
        Links={"Chassis": links([paths.box]), "ManagedBy": links([paths.manager])},
        **(_settings_at(f"{paths.system}/Settings") if booting.tells_what_comes(bmc) else {}),
        Actions={
            "#ComputerSystem.Reset": {
                "target": f"{paths.system}/Actions/ComputerSystem.Reset",
                "ResetType@Redfish.AllowableValues": list(RESET_TYPES),
            }
        },
    )


def _linked(bmc: SimulatedBmc, name: str, *, present: bool) -> Body:
    return {name: link(f"{bmc.paths.system}/{name}")} if present else {}


def _trusted_modules(bmc: SimulatedBmc) -> list[Body]:
    trust = bmc.parts.trust
    if not trust.tpm:
        return []
    return [
        {
            "FirmwareVersion": "1.0",
            "InterfaceType": trust.tpm_version,
            "Status": {"State": "Enabled", "Health": "OK"},
        }
    ]


def gpu_baseboard(bmc: SimulatedBmc) -> Body:
    """What a careless client takes for the host: it has no power, no boot source and no BIOS."""
    plan, path = bmc.host.plan, bmc.paths.baseboard
    name = bmc.model.baseboard
    return resource(
        path,
        TYPE,
        name=name,
        SystemType="Physical",
        Manufacturer=plan.host_type.manufacturer,
        SerialNumber=part_serial(plan, name),
        UUID=part_uuid(plan, name),
        Status=ENABLED,
        Processors=link(f"{path}/Processors"),
        Memory=link(f"{path}/Memory"),
        Links={
            "Chassis": links([bmc.paths.baseboard_box]),
            "ManagedBy": links([bmc.paths.baseboard_manager]),
        },
    )


def bios(bmc: SimulatedBmc) -> Body:
    """Settings in force."""
    path = f"{bmc.paths.system}/Bios"
    return resource(
        path,
        "Bios.v1_2_1.Bios",
        name="BIOS Configuration",
        Attributes=dict(bmc.host.state.bios),
        **_settings_at(f"{path}/Settings"),
    )


def _settings_at(path: str) -> Body:
    return {
        "@Redfish.Settings": {
            "@odata.type": "#Settings.v1_3_5.Settings",
            "SettingsObject": link(path),
            "SupportedApplyTimes": ["OnReset"],
        }
    }


def bios_settings(bmc: SimulatedBmc) -> Body:
    """Settings that the next power-on applies."""
    return resource(
        f"{bmc.paths.system}/Bios/Settings",
        "Bios.v1_2_1.Bios",
        name="BIOS Configuration Pending Settings",
        Attributes=dict(bmc.host.state.bios_pending),
    )


def secure_boot(bmc: SimulatedBmc) -> Body:
    """UEFI secure boot."""
    enabled = bool(bmc.parts.trust.secure_boot)
    return resource(
        f"{bmc.paths.system}/SecureBoot",
        "SecureBoot.v1_1_2.SecureBoot",
        name="UEFI Secure Boot",
        SecureBootEnable=enabled,
        SecureBootCurrentBoot="Enabled" if enabled else "Disabled",
        SecureBootMode="UserMode",
    )
