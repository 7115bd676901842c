"""What became of a host's drives between tenants: the signed statements, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, Deps
from inventory.model import Intent
from inventory.refusals import ERRORS
from inventory.routes.hosts import find_host
from inventory.routes.shapes import NamePath, View
from inventory.store.reading import every

STEP = "erasure-certificate"
"""How provisioning calls the record that keeps one; nothing else is told of such records here."""

router = APIRouter(prefix="/api/hosts", tags=["hosts"], responses=ERRORS)
Reader = Annotated[Actor, Depends(require(Permission.HOST_READ))]


class ErasureView(View):
    """One certificate of erasure."""

    digest: str
    at: datetime
    says: str
    """How many of the drives were erased."""
    envelope: dict[str, Any]
    """As it was signed: what `podyard certificate verify` takes."""


@router.get("/{name}/erasures")
async def list_erasures(name: NamePath, deps: Deps, _actor: Reader) -> tuple[ErasureView, ...]:
    """The certificates of erasure of a host, newest first: one for each time it was cleaned."""
    return await deps.in_thread(_erasures, deps, name)


def _erasures(deps: ApiDeps, name: str) -> tuple[ErasureView, ...]:
    host = find_host(deps, name)
    found = [one for one in every(deps.store, Intent, host_id=host.id) if one.step == STEP]
    return tuple(
        ErasureView(
            digest=str(one.arguments["digest"]),
            at=one.created_at,
            says=one.note,
            envelope=dict(one.arguments["envelope"]),
        )
        for one in sorted(found, key=lambda one: one.created_at, reverse=True)
    )
