"""The requests that change a host: actions, PATCHes, and what is created and deleted.

Each is one function from a BMC and a checked body to an answer. They act on the host and leave when
and whether the answer arrives to the service, which is where faults bite.
"""

from __future__ import annotations

from typing import Any

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.host import BOOT_ENABLED, BOOT_TARGETS, RESET_TYPES
from provisioning.simulator.redfish import (
    booting,
    certifying,
    checks,
    eventing,
    limiting,
    services,
    storage,
)
from provisioning.simulator.redfish.answer import Answer, Change
from provisioning.simulator.redfish.controllers import BMC_RESETS
from provisioning.simulator.redfish.resource import (
    ACCOUNTS,
    SESSIONS,
    TASK_MONITORS,
    TASKS,
    UPDATES,
)
from provisioning.simulator.redfish.sessions import ROLES, login
from provisioning.simulator.redfish.tree import Tree
from provisioning.simulator.state import Account

Body = dict[str, Any]
LIMIT_ACCOUNTS = 16


async def reset_system(bmc: SimulatedBmc, body: Body) -> Answer:
    """ComputerSystem.Reset."""
    action = "ComputerSystem.Reset"
    checks.parameters(body, action=action, known={"ResetType": str})
    wanted = checks.required(body, "ResetType", action=action)
    if wanted not in RESET_TYPES:
        raise ActionRefused(400, "ActionParameterNotSupported", "ResetType", action)
    await bmc.host.reset(wanted)
    return Answer()


async def reset_manager(bmc: SimulatedBmc, body: Body) -> Answer:
    """Manager.Reset: the BMC is away for a while, the host runs on."""
    action = "Manager.Reset"
    checks.parameters(body, action=action, known={"ResetType": str})
    wanted = body.get("ResetType", BMC_RESETS[0])
    if wanted not in BMC_RESETS:
        raise ActionRefused(400, "ActionParameterNotSupported", "ResetType", action)
    seconds = bmc.host.world.timings.bmc_restart_s

    async def restart() -> None:
        bmc.restart(seconds)

    bmc.host.spawn(restart())  # after the answer
    return Answer()


async def patch_system(bmc: SimulatedBmc, body: Body) -> Answer:
    """Boot override and asset tag."""
    found = checks.properties(
        body,
        writable={"Boot": dict, "AssetTag": str, "LocationIndicatorActive": bool},
        readable=_readable(bmc, bmc.paths.system),
    )
    if "Boot" in found:
        _patch_boot(bmc, found["Boot"])
    if "AssetTag" in found:
        bmc.host.state.asset_tag = found["AssetTag"]
        bmc.host.save()
    if "LocationIndicatorActive" in found:
        bmc.host.state.lit = found["LocationIndicatorActive"]
        bmc.host.save()
    return _read_back(bmc, bmc.paths.system)


def _patch_boot(bmc: SimulatedBmc, body: Body) -> None:
    words = ("BootSourceOverrideTarget", "BootSourceOverrideEnabled", "BootSourceOverrideMode")
    writable = {**dict.fromkeys(words, str), "HttpBootUri": str, "BootOrder": list}
    found = checks.properties(body, writable=writable, readable=(), under="Boot/")
    if "BootOrder" in found:
        if booting.tells_what_comes(bmc):
            raise ActionRefused(400, "PropertyNotWritable", "BootOrder")
        booting.reorder(bmc, [str(one) for one in found["BootOrder"]])
    state = bmc.host.state
    target = found.get(words[0], state.boot_target)
    enabled = found.get(words[1], state.boot_enabled)
    checks.one_of(target, words[0], allowed=BOOT_TARGETS, under="Boot/")
    checks.one_of(enabled, words[1], allowed=BOOT_ENABLED, under="Boot/")
    checks.one_of(found.get(words[2], "UEFI"), words[2], allowed=("UEFI",), under="Boot/")
    bmc.host.set_boot(target=target, enabled=enabled, uri=found.get("HttpBootUri"))


async def patch_coming(bmc: SimulatedBmc, body: Body) -> Answer:
    """The order of the next start, at the System's settings object."""
    path = f"{bmc.paths.system}/Settings"
    found = checks.properties(body, writable={"Boot": dict}, readable=_readable(bmc, path))
    boot = checks.properties(
        found["Boot"], writable={"BootOrder": list}, readable=(), under="Boot/"
    )
    booting.reorder(bmc, [str(one) for one in boot["BootOrder"]])
    return _read_back(bmc, path)


async def patch_bios(bmc: SimulatedBmc, body: Body) -> Answer:
    """Stage attributes; only those that the host has, with values of their own type."""
    found = checks.properties(
        body,
        writable={"Attributes": dict},
        readable=_readable(bmc, f"{bmc.paths.system}/Bios/Settings"),
    )
    current = bmc.host.state.bios
    staged = checks.properties(
        found["Attributes"],
        writable={name: type(value) for name, value in current.items()},
        readable=(),
        under="Attributes/",
    )
    bmc.host.stage_bios(staged)
    return _read_back(bmc, f"{bmc.paths.system}/Bios/Settings")


async def insert_media(bmc: SimulatedBmc, body: Body) -> Answer:
    """VirtualMedia.InsertMedia."""
    action = "VirtualMedia.InsertMedia"
    checks.parameters(
        body,
        action=action,
        known={
            "Image": str,
            "Inserted": bool,
            "WriteProtected": bool,
            "TransferMethod": str,
            "TransferProtocolType": str,
        },
    )
    image = checks.required(body, "Image", action=action)
    if not image.startswith("https://"):
        raise ActionRefused(400, "ActionParameterNotSupported", "Image", action)
    bmc.host.insert_media(image)
    return Answer()


async def eject_media(bmc: SimulatedBmc, body: Body) -> Answer:
    """VirtualMedia.EjectMedia."""
    checks.parameters(body, action="VirtualMedia.EjectMedia", known={})
    bmc.host.eject_media()
    return Answer()


async def simple_update(bmc: SimulatedBmc, body: Body) -> Answer:
    """UpdateService.SimpleUpdate: a task, whose monitor is in Location."""
    action = "UpdateService.SimpleUpdate"
    checks.parameters(
        body,
        action=action,
        known={
            "ImageURI": str,
            "TransferProtocol": str,
            "Targets": list,
            "Username": str,
            "Password": str,
        },
    )
    image = checks.required(body, "ImageURI", action=action)
    if body.get("TransferProtocol", "HTTPS") != "HTTPS" or not image.startswith("https://"):
        raise ActionRefused(400, "ActionParameterNotSupported", "ImageURI", action)
    task = bmc.updates.start(image, target=_target(bmc, body.get("Targets", []), action))
    return Answer(
        status=202,
        body=services.task(task, bmc),
        headers={"Location": f"{TASK_MONITORS}/{task.number}", "Retry-After": "1"},
    )


def _target(bmc: SimulatedBmc, targets: list[Any], action: str) -> str:
    if not targets:
        return ""
    known = {f"{services.INVENTORY}/{name}": name for name in bmc.host.state.firmware}
    if len(targets) != 1 or targets[0] not in known:
        raise ActionRefused(400, "ActionParameterNotSupported", "Targets", action)
    return known[targets[0]]


async def create_session(bmc: SimulatedBmc, body: Body) -> Answer:
    """Log in."""
    checks.properties(
        body, writable={"UserName": str, "Password": str}, readable=("Id", "Name", "CreatedTime")
    )
    for name in ("UserName", "Password"):
        if name not in body:
            raise ActionRefused(400, "PropertyMissing", name, target=name)
    if login(bmc.host.state, body["UserName"], body["Password"]) is None:
        raise ActionRefused(401, "NoValidSession")
    crowd = bmc.host.faults.planted("full-sessions")
    try:
        free = int(crowd.number("free")) if crowd is not None else bmc.sessions.limit
        session = bmc.sessions.create(body["UserName"], room=free)
    except ActionRefused:
        bmc.host.journal("session.refused", open=len(bmc.sessions.open))
        raise
    return Answer(
        status=201,
        body=services.session(session),
        headers={"Location": f"{SESSIONS}/{session.number}", "X-Auth-Token": session.token},
    )


async def create_account(bmc: SimulatedBmc, body: Body) -> Answer:
    """Add somebody."""
    found = checks.properties(
        body,
        writable={"UserName": str, "Password": str, "RoleId": str, "Enabled": bool},
        readable=_readable(bmc, f"{ACCOUNTS}/1"),
    )
    for name in ("UserName", "Password", "RoleId"):
        if name not in found:
            raise ActionRefused(400, "PropertyMissing", name, target=name)
    state = bmc.host.state
    if any(account.username == found["UserName"] for account in state.accounts):
        raise ActionRefused(
            400, "ResourceAlreadyExists", "ManagerAccount", "UserName", target="UserName"
        )
    if len(state.accounts) >= LIMIT_ACCOUNTS:
        raise ActionRefused(400, "GeneralError")
    account = Account(
        number=max(known.number for known in state.accounts) + 1,
        username=found["UserName"],
        password=_password(bmc, found["Password"]),
        role=checks.one_of(found["RoleId"], "RoleId", allowed=ROLES),
        enabled=found.get("Enabled", True),
    )
    state.accounts = [*state.accounts, account]
    bmc.host.save()
    return Answer(
        status=201,
        body=services.account(account),
        headers={"Location": f"{ACCOUNTS}/{account.number}"},
    )


def _password(bmc: SimulatedBmc, value: str) -> str:
    shortest, longest = services.password_lengths(bmc)
    policy = bmc.host.faults.planted("password-policy")
    weak = policy is not None and not _is_mixed(value, policy.word("signs"))
    if weak or not shortest <= len(value) <= longest:
        raise ActionRefused(400, "PropertyValueFormatError", "***", "Password", target="Password")
    return value


def _is_mixed(value: str, signs: str) -> bool:
    """Whether it has every kind of character that the policy wants, and no sign beside its own."""
    used = {one for one in value if not one.isalnum()}
    fits = signs == "any" or used <= set("" if signs == "none" else signs)
    kinds = (str.isupper, str.islower, str.isdigit)
    return fits and bool(used or signs == "none") and all(any(map(k, value)) for k in kinds)


def patch_account(account: Account) -> Change:
    """Change somebody."""

    async def change(bmc: SimulatedBmc, body: Body) -> Answer:
        path = f"{ACCOUNTS}/{account.number}"
        found = checks.properties(
            body,
            writable={"UserName": str, "Password": str, "RoleId": str, "Enabled": bool},
            readable=_readable(bmc, path),
        )
        former = account.username
        if "Password" in found:
            account.password = _password(bmc, found["Password"])
        if "RoleId" in found:
            account.role = checks.one_of(found["RoleId"], "RoleId", allowed=ROLES)
        account.username = found.get("UserName", account.username)
        account.enabled = found.get("Enabled", account.enabled)
        bmc.host.save()
        if not account.enabled or account.username != former:
            bmc.sessions.close_of(former)
        return _read_back(bmc, path)

    return change


async def delete(bmc: SimulatedBmc, path: str) -> Answer:
    """Log out, remove an account, or forget an ended task."""
    parent, _, name = path.rpartition("/")
    if parent == eventing.SUBSCRIPTIONS:
        eventing.unsubscribe(bmc, name)
    elif parent == SESSIONS:
        if bmc.host.faults.planted("leaks-sessions") is None:
            bmc.sessions.close(name)
    elif parent in {TASKS, TASK_MONITORS} and (task := bmc.updates.task(name)):
        bmc.updates.forget(task)
    elif parent == ACCOUNTS:
        _delete_account(bmc, int(name))
    return Answer()


def _delete_account(bmc: SimulatedBmc, number: int) -> None:
    state = bmc.host.state
    if number == state.accounts[0].number:
        # Without the factory's account nobody could ever log in again.
        raise ActionRefused(403, "ResourceCannotBeDeleted")
    gone = next(account for account in state.accounts if account.number == number)
    state.accounts = [account for account in state.accounts if account is not gone]
    bmc.host.save()
    bmc.sessions.close_of(gone.username)


def posts(bmc: SimulatedBmc) -> dict[str, Change]:
    """Where something can be posted."""
    system, media = bmc.paths.system, bmc.paths.media
    return {
        SESSIONS: create_session,
        f"{SESSIONS}/Members": create_session,
        ACCOUNTS: create_account,
        f"{ACCOUNTS}/Members": create_account,
        f"{system}/Actions/ComputerSystem.Reset": reset_system,
        f"{bmc.paths.manager}/Actions/Manager.Reset": reset_manager,
        f"{media}/Actions/VirtualMedia.InsertMedia": insert_media,
        f"{media}/Actions/VirtualMedia.EjectMedia": eject_media,
        f"{UPDATES}/Actions/UpdateService.SimpleUpdate": simple_update,
        eventing.SUBSCRIPTIONS: eventing.subscribe,
        f"{eventing.SUBSCRIPTIONS}/Members": eventing.subscribe,
        certifying.GENERATE: certifying.generate,
        certifying.REPLACE: certifying.replace,
        **storage.posts(bmc),
    }


def patches(bmc: SimulatedBmc) -> dict[str, Change]:
    """What can be patched, beside accounts."""
    system, box = bmc.paths.system, bmc.paths.box
    newer = bmc.model.schema == "newer"
    limited = (
        {f"{box}/EnvironmentMetrics": limiting.patch_environment}
        if newer
        else {f"{box}/Power": limiting.patch_power}
    )
    return {
        system: patch_system,
        f"{system}/Bios/Settings": patch_bios,
        **({f"{system}/Settings": patch_coming} if booting.tells_what_comes(bmc) else {}),
        f"{bmc.paths.manager}/NetworkProtocol": certifying.patch_protocol,
        **limited,
    }


DELETABLE = (SESSIONS, ACCOUNTS, TASKS, TASK_MONITORS, eventing.SUBSCRIPTIONS)


def _readable(bmc: SimulatedBmc, path: str) -> frozenset[str]:
    """The properties that a resource shows."""
    return frozenset(Tree(bmc).read(path) or ())


def _read_back(bmc: SimulatedBmc, path: str) -> Answer:
    return Answer(status=200, body=Tree(bmc).read(path))
