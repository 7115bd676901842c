"""NetBox: how the two get on, what differs, errands there, and its webhook."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Request
from pydantic import Field

from inventory.applying import NAME_FORM
from inventory.auth import Actor, Permission, public, require
from inventory.deps import ApiDeps, Deps
from inventory.errors import NotFound
from inventory.netbox.door import NetBoxDoor, NetBoxDrift, NetBoxReading, NetBoxRun, NetBoxStatus
from inventory.netbox.expecting import devices_of
from inventory.refusals import ERRORS, Refused
from inventory.resources.recording import who_of
from inventory.routes.expected import import_rows
from inventory.routes.pods import find_pod
from inventory.routes.shapes import Body, View

router = APIRouter(prefix="/api/netbox", tags=["netbox"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.NETBOX_READ))]
Writer = Annotated[Actor, Depends(require(Permission.NETBOX_WRITE))]


class ErrandBody(Body):
    """What to do at NetBox."""

    errand: Literal["check", "plan", "apply", "import"]
    digest: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    """`apply`: only this plan may be done. Empty: whatever differs by then."""
    delete: bool = False
    """Also remove what carries our mark and stands for nothing of ours any more."""
    pod: Annotated[str, Field(pattern=rf"^$|{NAME_FORM}")] = ""
    """`import`: the pod whose slots NetBox's devices fill, by rack and lowest unit."""
    account: Annotated[str, Field(pattern=rf"^$|{NAME_FORM}")] = ""
    """`import`: the factory account that they come with."""
    dry_run: bool = False
    """`import`: only say what it would write."""


class HintView(View):
    """A webhook was taken."""

    taken: bool


@router.get("")
async def get_netbox(deps: Deps, _actor: Reader) -> NetBoxStatus:
    """How the sync stands; `configured` is false where there is no NetBox."""
    return deps.netbox.status() if deps.netbox else NetBoxStatus()


@router.get("/drift")
async def get_netbox_drift(deps: Deps, _actor: Reader) -> NetBoxDrift:
    """What differed when podyard last looked at all of NetBox."""
    return _door(deps).drift()


@router.post("/runs", status_code=202)
async def start_netbox_run(
    request: Request, body: ErrandBody, deps: Deps, actor: Writer
) -> NetBoxRun:
    """Begin an errand; ask for it by its id until it is done. 409 while another is under way."""
    if body.errand == "import":
        who = who_of(request, actor)
        pod = await deps.in_thread(find_pod, deps, body.pod)

        def work(client: NetBoxReading) -> dict[str, Any]:
            listed = devices_of(client, pod, account=body.account)
            done = import_rows(deps, who, listed, "netbox", dry_run=body.dry_run)
            return done.model_dump(mode="json")

        return _door(deps).look("import", by=actor.name, work=work)
    return _door(deps).start(body.errand, by=actor.name, digest=body.digest, delete=body.delete)


@router.get("/runs/{run_id}")
async def get_netbox_run(
    run_id: Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")], deps: Deps, _actor: Reader
) -> NetBoxRun:
    """One errand. Only the last twenty are remembered, and none over a restart."""
    found = _door(deps).run_of(run_id)
    if found is None:
        raise NotFound(f"no errand {run_id} at NetBox", hint="start it again")
    return found


@router.post("/webhook", status_code=202, dependencies=[Depends(public)])
async def take_netbox_webhook(
    request: Request,
    deps: Deps,
    signature: Annotated[str, Header(alias="X-Hook-Signature", max_length=256)] = "",
) -> HintView:
    """A webhook of NetBox, signed with the shared secret: a hint to look, never believed."""
    if not _door(deps).hint(await request.body(), signature):
        raise Refused(
            401,
            "unauthenticated",
            "this webhook is not signed by the shared secret",
            hint="give NetBox's webhook the secret of PODYARD_NETBOX_WEBHOOK_SECRET_FILE",
        )
    return HintView(taken=True)


def _door(deps: ApiDeps) -> NetBoxDoor:
    if deps.netbox is None:
        raise NotFound(
            "no NetBox is configured",
            hint="set PODYARD_NETBOX_URL and PODYARD_NETBOX_TOKEN_FILE for podyard serve",
        )
    return deps.netbox
