"""The image door: the files of the one image that a host is to write to its disk, to that host.

It asks for the certificate of the boot that is for writing, so an earlier boot of a host, another
host and anybody else find nothing here; images hold no secret, but who reads them takes the wire
from those who wait. Sending is `provisioning.boot.transfers`'s: by range, and in turns.
"""

from __future__ import annotations

import mmap
from pathlib import Path as File
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from inventory.deps import ApiDeps
from inventory.model import AgentSeen, Host
from inventory.peer import Peer, peer_of
from inventory.refusals import ERRORS, Refused
from provisioning.boot.transfers import Transfers
from provisioning.images.library import SIGNATURE, Library

Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


def build_image_routes(deps: ApiDeps, *, library: Library, transfers: Transfers) -> APIRouter:
    """It joins the agents' exchange on their listener."""
    router = APIRouter(tags=["boot"], responses=ERRORS)

    @router.get("/agent/v1/image/{digest}/{name}", response_class=Response)
    async def image_file(digest: Digest, name: FileName, request: Request) -> Response:
        """A file of the image that this boot writes to its disk: whole, or one range of it."""
        host_id = await deps.in_thread(_host_that_writes, deps, peer_of(request.scope), digest)
        content = await deps.in_thread(_content, library, digest, name)
        tag = f'"{digest[:16]}-{name}"'
        return await transfers.send(content, tag=tag, request=request, host_id=host_id)

    return router


def _host_that_writes(deps: ApiDeps, peer: Peer | None, digest: str) -> str:
    """The host of this certificate, if this boot of it is for writing this image."""
    host = deps.store.get(Host, peer.common_name) if peer is not None else None
    agent = deps.store.get(AgentSeen, peer.common_name) if peer is not None else None
    if peer is None or host is None or agent is None or agent.certificate_serial != peer.serial:
        raise Refused(
            403,
            "forbidden",
            "an image is given to the agent of a host's present boot",
            hint="enrol with the boot token first",
        )
    boot = host.boot
    if boot is None or boot.purpose != "deploy" or boot.image != f"sha256:{digest}":
        raise Refused(
            404,
            "not-found",
            f"{host.name} is not to write this image",
            hint="a host writes what its boot document says; start it again for another image",
        )
    return host.id


def _content(library: Library, digest: str, name: str) -> mmap.mmap:
    """Pages of the file as they are asked for, however large it is and however many ask."""
    file = library.path / digest / name
    image = next((one for one in library.all() if one.folder.name == digest), None)
    if image is None or name not in {SIGNATURE, *image.manifest.predicate.files}:
        raise _nothing_here(name)
    return _mapped(file)


def _mapped(file: File) -> mmap.mmap:
    try:
        with file.open("rb") as opened:
            return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # gone, or emptied, since the service started
        raise _nothing_here(file.name) from error


def _nothing_here(name: str) -> Refused:
    return Refused(
        404,
        "not-found",
        f"{name} of this image is not here",
        hint="copy the image to the controller again, then podyard image verify",
    )
