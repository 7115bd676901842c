"""The resources of the BMC's services: root, sessions, accounts, tasks and updates."""

from __future__ import annotations

from collections.abc import Callable

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.hardware import part_uuid
from provisioning.simulator.redfish import telemetry
from provisioning.simulator.redfish.messages import message
from provisioning.simulator.redfish.resource import (
    ACCOUNTS,
    ENABLED,
    ROLES,
    ROOT,
    SESSIONS,
    TASK_MONITORS,
    TASKS,
    UPDATES,
    Body,
    collection,
    link,
    links,
    resource,
)
from provisioning.simulator.redfish.sessions import ROLES as ROLE_PRIVILEGES
from provisioning.simulator.redfish.sessions import SESSION_TIMEOUT_S, Session, timestamp
from provisioning.simulator.state import Account, EraseTask, UpdateTask

INVENTORY = f"{UPDATES}/FirmwareInventory"
PASSWORD_LENGTH_MIN = 8
PASSWORD_LENGTH_MAX = 64
TASK_STATUS = {"Completed": "OK", "Exception": "Critical"}


def fixed(bmc: SimulatedBmc) -> dict[str, Callable[[], Body]]:
    """Path to builder, for the resources that are always there."""
    return {
        ROOT: lambda: service_root(bmc),
        f"{ROOT}/SessionService": session_service,
        SESSIONS: lambda: collection(
            SESSIONS, "SessionCollection", name="Sessions", members=bmc.sessions.open
        ),
        f"{ROOT}/AccountService": lambda: account_service(bmc),
        ACCOUNTS: lambda: collection(
            ACCOUNTS,
            "ManagerAccountCollection",
            name="Accounts",
            members=(str(account.number) for account in bmc.host.state.accounts),
        ),
        ROLES: lambda: collection(ROLES, "RoleCollection", name="Roles", members=ROLE_PRIVILEGES),
        **{f"{ROLES}/{name}": role(name) for name in ROLE_PRIVILEGES},
        f"{ROOT}/TaskService": lambda: task_service(bmc),
        TASKS: lambda: collection(
            TASKS,
            "TaskCollection",
            name="Tasks",
            members=(
                *(str(task.number) for task in bmc.updates.tasks),
                *(str(task.number) for task in bmc.erases.tasks),
            ),
        ),
        UPDATES: update_service,
        INVENTORY: lambda: collection(
            INVENTORY,
            "SoftwareInventoryCollection",
            name="Firmware",
            members=bmc.host.state.firmware,
        ),
        **{
            f"{INVENTORY}/{component}": _component_builder(bmc, component)
            for component in bmc.host.state.firmware
        },
    }


def service_root(bmc: SimulatedBmc) -> Body:
    """What an unauthenticated client may see."""
    return resource(
        ROOT,
        "ServiceRoot.v1_16_0.ServiceRoot",
        name="Root Service",
    ) | {
        "@odata.id": f"{ROOT}/",
        "Id": "RootService",
        "RedfishVersion": "1.20.0",
        # The service's own UUID, not the host's: who the host is takes a login.
        "UUID": part_uuid(bmc.host.plan, "BMC"),
        "Vendor": "podyard simulator",
        "Product": "Simulated BMC",
        "ProtocolFeaturesSupported": {
            "ExpandQuery": _expanding(bmc.model.expand_levels),
            "FilterQuery": False,
            "SelectQuery": False,
            "OnlyMemberQuery": True,
            "ExcerptQuery": False,
        },
        "Systems": link(f"{ROOT}/Systems"),
        "Chassis": link(f"{ROOT}/Chassis"),
        "Managers": link(f"{ROOT}/Managers"),
        "SessionService": link(f"{ROOT}/SessionService"),
        "AccountService": link(f"{ROOT}/AccountService"),
        "Tasks": link(f"{ROOT}/TaskService"),
        "UpdateService": link(UPDATES),
        **(
            {}
            if bmc.host.faults.planted("no-events")
            else {"EventService": link(f"{ROOT}/EventService")}
        ),
        **({"TelemetryService": link(telemetry.SERVICE)} if telemetry.gathers(bmc) else {}),
        "CertificateService": link(f"{ROOT}/CertificateService"),
        "Links": {"Sessions": link(SESSIONS)},
    }


def _expanding(levels: int) -> Body:
    offered = levels > 0
    depth: Body = {"MaxLevels": levels} if offered else {}
    return {
        "ExpandAll": offered,
        "Levels": offered,
        "Links": False,
        "NoLinks": offered,
        **depth,
    }


def session_service() -> Body:
    """The session table's rules."""
    return resource(
        f"{ROOT}/SessionService",
        "SessionService.v1_1_9.SessionService",
        name="Session Service",
        ServiceEnabled=True,
        SessionTimeout=int(SESSION_TIMEOUT_S),
        Status=ENABLED,
        Sessions=link(SESSIONS),
    )


def session(found: Session) -> Body:
    """One login, never with its token."""
    return resource(
        f"{SESSIONS}/{found.number}",
        "Session.v1_7_2.Session",
        name="Session",
        UserName=found.username,
        Password=None,
        CreatedTime=timestamp(found.created_at),
    )


def account_service(bmc: SimulatedBmc) -> Body:
    """Local accounts only."""
    shortest, longest = password_lengths(bmc)
    return resource(
        f"{ROOT}/AccountService",
        "AccountService.v1_15_1.AccountService",
        name="Account Service",
        Status=ENABLED,
        ServiceEnabled=True,
        MinPasswordLength=shortest,
        MaxPasswordLength=longest,
        HTTPBasicAuth="Enabled",
        SupportedAccountTypes=["Redfish"],
        Accounts=link(ACCOUNTS),
        Roles=link(ROLES),
    )


def password_lengths(bmc: SimulatedBmc) -> tuple[int, int]:
    """The shortest and the longest password that this BMC takes."""
    policy = bmc.host.faults.planted("password-policy")
    if policy is None:
        return PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX
    return int(policy.number("length_min")), int(policy.number("length_max"))


def account(found: Account) -> Body:
    """One account, never with its password."""
    return resource(
        f"{ACCOUNTS}/{found.number}",
        "ManagerAccount.v1_12_0.ManagerAccount",
        name="User Account",
        UserName=found.username,
        Password=None,
        RoleId=found.role,
        Enabled=found.enabled,
        Locked=False,
        PasswordChangeRequired=False,
        AccountTypes=["Redfish"],
        Links={"Role": link(f"{ROLES}/{found.role}")},
    )


def role(name: str) -> Callable[[], Body]:
    """What builds one of the roles."""
    return lambda: resource(
        f"{ROLES}/{name}",
        "Role.v1_3_1.Role",
        name=f"{name} Role",
        RoleId=name,
        IsPredefined=True,
        AssignedPrivileges=list(ROLE_PRIVILEGES[name]),
        OemPrivileges=[],
    )


def task_service(bmc: SimulatedBmc) -> Body:
    """Long work."""
    return resource(
        f"{ROOT}/TaskService",
        "TaskService.v1_2_1.TaskService",
        name="Task Service",
        ServiceEnabled=True,
        CompletedTaskOverWritePolicy="Oldest",
        DateTime=timestamp(bmc.clock),
        LifeCycleEventOnTaskStateChange=False,
        Status=ENABLED,
        Tasks=link(TASKS),
    )


def task(found: UpdateTask, bmc: SimulatedBmc) -> Body:
    """One update's progress."""
    unusual = bmc.host.faults.planted("task-state") if found.running else None
    status = TASK_STATUS.get(found.state, "OK")
    said = message("Success" if status == "OK" else "GeneralError") | {"Message": found.message}
    if found.not_fetched:
        said["MessageId"] = "Update.1.0.TransferFailed"
    body = resource(
        f"{TASKS}/{found.number}",
        "Task.v1_7_4.Task",
        name=f"Update {found.number}",
        TaskState=unusual.word("state") if unusual else found.state,
        TaskStatus=status,
        PercentComplete=found.percent,
        StartTime=timestamp(found.started_at),
        Messages=[said],
        HidePayload=True,
        TaskMonitor=f"{TASK_MONITORS}/{found.number}",
    )
    if found.ended_at is not None:
        body["EndTime"] = timestamp(found.ended_at)
    return body


def erase_task(found: EraseTask) -> Body:
    """One erase's progress; unlike an update's, its request is shown."""
    status = TASK_STATUS.get(found.state, "OK")
    body = resource(
        f"{TASKS}/{found.number}",
        "Task.v1_7_4.Task",
        name=f"Erase {found.slot}",
        TaskState=found.state,
        TaskStatus=status,
        PercentComplete=found.percent,
        StartTime=timestamp(found.started_at),
        Messages=[message("Success" if status == "OK" else "GeneralError")],
        Payload={"TargetUri": found.target, "HttpOperation": "POST"},
        TaskMonitor=f"{TASK_MONITORS}/{found.number}",
    )
    if found.ended_at is not None:
        body["EndTime"] = timestamp(found.ended_at)
    return body


def update_service() -> Body:
    """SimpleUpdate, over HTTPS only."""
    return resource(
        UPDATES,
        "UpdateService.v1_14_0.UpdateService",
        name="Update Service",
        ServiceEnabled=True,
        Status=ENABLED,
        FirmwareInventory=link(INVENTORY),
        MultipartHttpPushUri=f"{UPDATES}/update-multipart",
        MaxImageSizeBytes=200 * 1024,
        Actions={
            "#UpdateService.SimpleUpdate": {
                "target": f"{UPDATES}/Actions/UpdateService.SimpleUpdate",
                "TransferProtocol@Redfish.AllowableValues": ["HTTPS"],
            }
        },
    )


def _component_builder(bmc: SimulatedBmc, component: str) -> Callable[[], Body]:
    known = {bmc.model.bios, bmc.model.bmc}
    related = bmc.paths.system if component == bmc.model.bios else bmc.paths.manager
    return lambda: resource(
        f"{INVENTORY}/{component}",
        "SoftwareInventory.v1_11_0.SoftwareInventory",
        name=component,
        Version=bmc.host.state.firmware[component],
        SoftwareId=component,
        Manufacturer=bmc.host.plan.host_type.manufacturer,
        Updateable=True,
        Status=ENABLED,
        **({"RelatedItem": links([related])} if component in known else {}),
    )
