"""Units and certificates: what is offered, and the signed statements behind it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from inventory.auth import Actor, Permission, require
from inventory.deps import ApiDeps, CertificateKey, Deps
from inventory.errors import NotFound
from inventory.model import CertificateRecord, ComputeUnit, SuspendedFor
from inventory.refusals import ERRORS
from inventory.routes.shapes import (
    After,
    Limit,
    NamePath,
    Page,
    Text,
    View,
    as_it_is,
    only,
    read_page,
)
from inventory.states import UnitState

router = APIRouter(prefix="/api", responses=ERRORS)
UnitReader = Annotated[Actor, Depends(require(Permission.UNIT_READ))]
CertificateReader = Annotated[Actor, Depends(require(Permission.CERTIFICATE_READ))]
KeyReader = Annotated[Actor, Depends(require(Permission.CERTIFICATE_KEY_READ))]


class CertificateSummary(View):
    """One line about a certificate."""

    id: str
    host_id: str
    host: str
    issued_at: datetime
    expires_at: datetime
    simulated: bool
    facts_digest: str
    suspended: tuple[SuspendedFor, ...] = ()
    """Why it must not be relied upon, although it verifies; only a new certificate ends it."""


class CertificateDetail(CertificateSummary):
    """A certificate with its signed envelope: the envelope is the truth, the rest finds it."""

    envelope: dict[str, Any]


@router.get("/units", tags=["units"])
async def list_units(
    request: Request,
    deps: Deps,
    _actor: UnitReader,
    *,
    state: Annotated[UnitState | None, Query()] = None,
    pod: Text = "",
    name: Text = "",
    unit_class: Text = "",
    claim: Text = "",
    after: After = "",
    limit: Limit = 100,
) -> Page[ComputeUnit]:
    """Compute units."""
    filters = {
        "state": state.value if state else "",
        "pod": pod,
        "name": name,
        "unit_class": unit_class,
        "claim": claim,
    }
    return await deps.in_thread(_units, deps, request, filters, after, limit)


@router.get("/units/{name}", tags=["units"])
async def get_unit(name: NamePath, deps: Deps, _actor: UnitReader) -> ComputeUnit:
    """One compute unit."""
    found = await deps.in_thread(deps.store.find, ComputeUnit, name=name)
    return only(found, what="unit", name=name, command="unit list")


@router.get("/certificates", tags=["certificates"])
async def list_certificates(
    request: Request,
    deps: Deps,
    _actor: CertificateReader,
    *,
    host: Text = "",
    after: After = "",
    limit: Limit = 100,
) -> Page[CertificateSummary]:
    """Certificates, without their envelopes."""
    return await deps.in_thread(_certificates, deps, request, {"host": host}, after, limit)


@router.get("/certificates/{certificate_id}", tags=["certificates"])
async def get_certificate(
    certificate_id: NamePath, deps: Deps, _actor: CertificateReader
) -> CertificateDetail:
    """One certificate, with the envelope that `podyard certificate verify` takes."""
    record = await deps.in_thread(deps.store.get, CertificateRecord, certificate_id)
    if record is None:
        raise NotFound(f"no certificate {certificate_id!r}", hint="see `podyard certificate list`")
    return CertificateDetail.model_validate(record.model_dump())


@router.get("/certificate-keys", tags=["certificates"])
async def list_certificate_keys(deps: Deps, _actor: KeyReader) -> tuple[CertificateKey, ...]:
    """The public keys that verify this site's certificates."""
    return deps.certificate_keys


def _units(
    deps: ApiDeps, request: Request, filters: dict[str, str], after: str, limit: int
) -> Page[ComputeUnit]:
    return read_page(
        deps,
        ComputeUnit,
        request,
        show=as_it_is,
        key=lambda unit: unit.id,
        after=after,
        limit=limit,
        filters=filters,
    )


def _certificates(
    deps: ApiDeps, request: Request, filters: dict[str, str], after: str, limit: int
) -> Page[CertificateSummary]:
    return read_page(
        deps,
        CertificateRecord,
        request,
        show=lambda c: CertificateSummary.model_validate(c.model_dump(exclude={"envelope"})),
        key=lambda certificate: certificate.id,
        after=after,
        limit=limit,
        filters=filters,
    )
