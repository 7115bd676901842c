"""The kinds of host that a hall can show: which Redfish tree a host type has, as data.

Two hosts of one shape have different trees when different makers built their BMCs: names, Systems,
and the schemas that tell of power and cooling all vary. A model says those things and nothing else;
what a host is built of stands in its host type. The names follow what was published of the trees of
NVIDIA's DGX and NVL72 and OCP's profile for universal baseboards; no recorded tree is copied.

Which model a host type gets: the one that its `bmc.tree` names, else `mi300x` where its
accelerators are joined by xGMI, else `generic`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pods.spec import HostType
from provisioning.simulator.errors import UnknownModel

GENERIC = "generic"
UNIVERSAL_BASEBOARD = "mi300x"


@dataclass(frozen=True, slots=True)
class HostModel:
    """One shape of tree. `{}` in a name stands for a part's number."""

    name: str
    meaning: str
    system: str = "1"
    box: str = "1"
    manager: str = "BMC"
    baseboard: str = ""
    """A second System, without power or boot, that holds the accelerators."""
    baseboard_box: str = ""
    baseboard_manager: str = ""
    all_on_baseboard: bool = False
    """Processors and memory stand on the baseboard too, as on a tray."""
    accelerator: str = "GPU{}"
    first_accelerator: int = 0
    accelerator_box: str = ""
    """The chassis of one accelerator; none where they have no chassis of their own."""
    module_box: str = ""
    """The chassis of one processor with its accelerators."""
    processor: str = "CPU{}"
    memory: str = "DIMM{}"
    drive: str = "Disk{}"
    card: str = "Card{}"
    supply: str = "PSU{}"
    fan: str = "Fan{}"
    port: str = "Link{}"
    """A scale-up port of one accelerator."""
    schema: Literal["older", "newer"] = "newer"
    """`Power` and `Thermal`, or `PowerSubsystem` and `ThermalSubsystem`."""
    interfaces: Literal["full", "no-speed", "none"] = "full"
    """What `EthernetInterfaces` tells; the ports of the adapters tell the rest."""
    expand_levels: int = 1
    """How deep `$expand` goes; 0 where it is not offered."""
    bios: str = "BIOS"
    bmc: str = "BMC"
    """What the firmware inventory calls these two."""
    boards: tuple[str, ...] = ()
    """Other firmware that belongs to no part which a host type counts."""
    accelerator_firmware: str = "{}"
    """What the firmware inventory calls an accelerator's; `{}` is its slot."""
    vendor: str = ""
    """Under which name the maker's own properties stand."""
    knows_tray: bool = False
    """Its cable cartridges tell which slot of the rack it sits in; nobody types that in."""


def _tray(name: str, meaning: str) -> HostModel:
    return HostModel(
        name=name,
        meaning=meaning,
        system="System_0",
        box="Chassis_0",
        manager="BMC_0",
        baseboard="HGX_Baseboard_0",
        baseboard_box="HGX_Chassis_0",
        baseboard_manager="HGX_BMC_0",
        all_on_baseboard=True,
        accelerator="GPU_{}",
        accelerator_box="HGX_GPU_{}",
        module_box="HGX_ProcessorModule_{}",
        processor="CPU_{}",
        memory="ProcessorModule_{}_Memory_0",
        drive="NVMe_{}",
        card="IO_Board_{}",
        fan="FAN_{}",
        port="NVLink_{}",
        interfaces="none",
        expand_levels=3,
        bios="HGX_FW_CPU_0",
        bmc="FW_BMC_0",
        boards=("HGX_FW_BMC_0", "HGX_FW_CPLD_0", "HGX_FW_CPU_1", "HGX_FW_ERoT_BMC_0"),
        accelerator_firmware="HGX_FW_{}",
        vendor="Nvidia",
        knows_tray=True,
    )


MODELS: Mapping[str, HostModel] = {
    model.name: model
    for model in (
        HostModel(
            name=GENERIC,
            meaning="One System with everything in it, power and cooling in the newer schemas.",
        ),
        HostModel(
            name="dgx-h100",
            meaning="Two Systems, the accelerators on a baseboard of their own; the older schemas.",
            system="DGX",
            box="DGX",
            baseboard="HGX_Baseboard_0",
            baseboard_box="HGX_Chassis_0",
            baseboard_manager="HGX_BMC_0",
            accelerator="GPU_SXM_{}",
            first_accelerator=1,
            accelerator_box="HGX_GPU_SXM_{}",
            card="NIC_Slot{}",
            fan="FAN{}",
            port="NVLink_{}",
            schema="older",
            interfaces="no-speed",
            expand_levels=2,
            bios="HostBIOS_0",
            bmc="HostBMC_0",
            boards=("CPLDMB_0", "HGX_FW_BMC_0", "HGX_FW_ERoT_BMC_0", "HGX_FW_NVSwitch_0"),
            accelerator_firmware="HGX_FW_{}",
            vendor="Nvidia",
        ),
        _tray(
            "gb200-tray", "A compute tray of an NVL72: a baseboard, leak detectors, no supplies."
        ),
        _tray("gb300-tray", "The same of the next generation; its host type makes the difference."),
        HostModel(
            name=UNIVERSAL_BASEBOARD,
            meaning="Accelerators as OAM modules on a universal baseboard; the older schemas.",
            manager="1",
            baseboard="UBB",
            baseboard_box="UBB",
            baseboard_manager="SMC",
            accelerator="OAM_{}",
            accelerator_box="OAM_{}",
            card="AOC_{}",
            supply="PSU{}",
            fan="FAN{}",
            port="XGMI_{}",
            schema="older",
            boards=("CPLD", "SMC", "UBB_FPGA"),
            accelerator_firmware="Bundle_{}",
        ),
    )
}


def model_of(host_type: HostType) -> HostModel:
    """The model that this host type gets unless somebody says otherwise."""
    tree = host_type.bmc.tree if host_type.bmc else None
    if tree is not None and tree in MODELS:
        return MODELS[tree]
    kind = host_type.accelerators.link_kind if host_type.accelerators else None
    return MODELS[UNIVERSAL_BASEBOARD if kind == "xgmi" else GENERIC]


def parse_models(said: list[str], *, host_types: Mapping[str, HostType]) -> dict[str, str]:
    """`MODEL` for every host type, or `TYPE=MODEL` for one, as the command line gives them."""
    found: dict[str, str] = {}
    for text in said:
        left, _, right = text.rpartition("=")
        if right not in MODELS:
            raise UnknownModel(
                f"no host model is called {right!r} (in {text!r})",
                hint="the models are " + ", ".join(MODELS),
            )
        if left and left not in host_types:
            raise UnknownModel(
                f"the spec has no host type {left!r} (in {text!r})",
                hint="its host types are " + ", ".join(host_types),
            )
        found |= dict.fromkeys([left] if left else host_types, right)
    return found
