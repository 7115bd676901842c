"""Units and certificates: what is offered, and the signed statements behind it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from inventory.auth import Actor, Permission, require
from inventory.deps import CertificateKey, Deps
from inventory.refusals import ERRORS

router = APIRouter(prefix="/api", responses=ERRORS)
UnitReader = Annotated[Actor, Depends(require(Permission.UNIT_READ))]
CertificateReader = Annotated[Actor, Depends(require(Permission.CERTIFICATE_READ))]
KeyReader = Annotated[Actor, Depends(require(Permission.CERTIFICATE_KEY_READ))]


@router.get("/certificate-keys", tags=["certificates"])
async def list_certificate_keys(deps: Deps, _actor: KeyReader) -> tuple[CertificateKey, ...]:
    """The public keys that verify this site's certificates."""
    return deps.certificate_keys
