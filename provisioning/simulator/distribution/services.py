"""The resources that every machine has: root, sessions, accounts, its chassis and its manager."""

from __future__ import annotations

from provisioning.simulator.distribution.machine import FIRMWARE, Machine
from provisioning.simulator.redfish import services
from provisioning.simulator.redfish.resource import (
    ACCOUNTS,
    ENABLED,
    ROLES,
    ROOT,
    SESSIONS,
    Body,
    Builders,
    collection,
    link,
    links,
    resource,
)
from provisioning.simulator.redfish.sessions import ROLES as ROLE_PRIVILEGES
from provisioning.simulator.redfish.sessions import timestamp

MANAGER = f"{ROOT}/Managers/BMC"
CHASSIS_TYPES = {
    "pdu": "PowerStrip",
    "power-shelf": "Shelf",
    "cdu": "RackMount",
    "leaf-switch": "RackMount",
}
MAKER = "Podyard"


def fixed(machine: Machine, *, offers: Body) -> Builders:
    """Path to builder. `offers` are the root's links to what this kind of machine is for."""
    box = chassis_path(machine)
    return {
        ROOT: lambda: _root(machine, offers),
        f"{ROOT}/SessionService": services.session_service,
        SESSIONS: lambda: collection(
            SESSIONS, "SessionCollection", name="Sessions", members=machine.sessions.open
        ),
        f"{ROOT}/AccountService": _account_service,
        ACCOUNTS: lambda: collection(
            ACCOUNTS,
            "ManagerAccountCollection",
            name="Accounts",
            members=(str(account.number) for account in machine.state.accounts),
        ),
        ROLES: lambda: collection(ROLES, "RoleCollection", name="Roles", members=ROLE_PRIVILEGES),
        **{f"{ROLES}/{name}": services.role(name) for name in ROLE_PRIVILEGES},
        f"{ROOT}/Managers": lambda: collection(
            f"{ROOT}/Managers", "ManagerCollection", name="Managers", members=["BMC"]
        ),
        MANAGER: lambda: _manager(machine),
        f"{ROOT}/Chassis": lambda: collection(
            f"{ROOT}/Chassis", "ChassisCollection", name="Chassis", members=[box]
        ),
        box: lambda: _chassis(machine),
    }


def chassis_path(machine: Machine) -> str:
    """Its one box. Lite-On's shelves call theirs `powershelf`."""
    name = {"power-shelf": "powershelf", "pdu": "PDU", "cdu": "CDU"}.get(
        machine.plan.kind, machine.plan.name
    )
    return f"{ROOT}/Chassis/{name}"


def moving(machine: Machine, path: str) -> Body | None:
    """A session or an account."""
    parent, _, name = path.rpartition("/")
    if parent == SESSIONS and (session := machine.sessions.open.get(name)):
        return services.session(session)
    if parent == ACCOUNTS:
        found = (one for one in machine.state.accounts if str(one.number) == name)
        return next((services.account(one) for one in found), None)
    return None


def identified(machine: Machine) -> Body:
    """What is on every type plate."""
    return {
        "Manufacturer": MAKER,
        "Model": machine.plan.model,
        "SerialNumber": machine.plan.serial,
        "PartNumber": f"LAB-{machine.plan.kind}",
    }


def placed(machine: Machine) -> Body:
    """Where it stands."""
    place: Body = {"Rack": machine.plan.rack}
    if machine.plan.unit:
        place |= {"RackOffset": machine.plan.unit, "RackOffsetUnits": "EIA_310"}
    return {"Location": {"Placement": place}}


def managed(machine: Machine) -> Body:
    """Its chassis and its manager."""
    return {
        "Links": {"Chassis": links([chassis_path(machine)]), "ManagedBy": links([MANAGER])},
    }


def _root(machine: Machine, offers: Body) -> Body:
    return resource(ROOT, "ServiceRoot.v1_16_0.ServiceRoot", name="Root Service") | {
        "@odata.id": f"{ROOT}/",
        "Id": "RootService",
        "RedfishVersion": "1.20.0",
        "UUID": machine.plan.uuid,
        "Vendor": "podyard simulator",
        "Product": f"Simulated {machine.plan.kind}",
        "ProtocolFeaturesSupported": {
            "ExpandQuery": {
                "ExpandAll": True,
                "Levels": True,
                "Links": False,
                "NoLinks": True,
                "MaxLevels": EXPAND_LEVELS,
            },
            "FilterQuery": False,
            "SelectQuery": False,
            "OnlyMemberQuery": True,
            "ExcerptQuery": False,
        },
        "Chassis": link(f"{ROOT}/Chassis"),
        "Managers": link(f"{ROOT}/Managers"),
        "SessionService": link(f"{ROOT}/SessionService"),
        "AccountService": link(f"{ROOT}/AccountService"),
        "Links": {"Sessions": link(SESSIONS)},
        **offers,
    }


EXPAND_LEVELS = 2
"""Outlets with their collection in one reply."""


def _account_service() -> Body:
    return resource(
        f"{ROOT}/AccountService",
        "AccountService.v1_15_1.AccountService",
        name="Account Service",
        Status=ENABLED,
        ServiceEnabled=True,
        HTTPBasicAuth="Enabled",
        SupportedAccountTypes=["Redfish"],
        Accounts=link(ACCOUNTS),
        Roles=link(ROLES),
    )


def _manager(machine: Machine) -> Body:
    return resource(
        MANAGER,
        "Manager.v1_19_2.Manager",
        name=f"Manager of {machine.plan.name}",
        ManagerType="ManagementController",
        Manufacturer=MAKER,
        Model="Simulated manager",
        UUID=machine.plan.uuid,
        FirmwareVersion=FIRMWARE,
        DateTime=timestamp(machine.clock.now()),
        DateTimeLocalOffset="+00:00",
        PowerState="On",
        Status=ENABLED,
        Links={"ManagerForChassis": links([chassis_path(machine)])},
    )


def _chassis(machine: Machine) -> Body:
    return resource(
        chassis_path(machine),
        "Chassis.v1_25_2.Chassis",
        name=machine.plan.name,
        ChassisType=CHASSIS_TYPES[machine.plan.kind],
        **identified(machine),
        AssetTag=machine.label("AssetTag"),
        PowerState="On",
        Status=ENABLED,
        **placed(machine),
        Links={"ManagedBy": links([MANAGER])},
    )
