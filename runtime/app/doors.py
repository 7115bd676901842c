"""The door of hosts: agents, boot documents and the events of BMCs, behind client certificates."""

from __future__ import annotations

from fastapi import FastAPI

from inventory.agent_door import build_agent_routes
from inventory.authority import Authority
from inventory.peer import PeerCertificateProtocol
from provisioning.boot.images import build_image_routes
from provisioning.boot.media import BootDoor, DiskImage
from provisioning.boot.routes import build_boot_routes
from provisioning.images.library import Library
from provisioning.images.medium import Medium
from provisioning.settings import ProvisioningSettings
from provisioning.telemetry.door import build_event_routes
from provisioning.telemetry.inbox import Inbox
from runtime.app.parts import Parts, api_deps
from runtime.listeners import Tls


def boot_door(parts: Parts, authority: Authority) -> BootDoor:
    """Where booting hosts find their documents and images."""
    address = f"{parts.options.agents.host}:{parts.options.agents.port}"
    return BootDoor(
        base_url=f"https://{address}",
        controller=address,
        ca_pem=authority.pem,
        disk_image=disk_image(parts, ProvisioningSettings()),
    )


def boot_medium(parts: Parts, name: str) -> Medium | None:
    """What real hosts boot: refused at the start if the service's own key does not vouch for it."""
    if not name:
        return None
    image = Library(parts.options.state.images).find(name)
    image.verify(ring=parts.production.ring())
    return image.medium()


def disk_image(parts: Parts, settings: ProvisioningSettings) -> DiskImage | None:
    """What hosts with the boot policy *disk* write: refused at the start, as a boot image is."""
    name = settings.disk_image or settings.boot_image
    if not name:
        return None
    image = Library(parts.options.state.images).find(name)
    if "disk" not in image.manifest.predicate.policies:
        return None
    image.verify(ring=parts.production.ring())
    return DiskImage(image.manifest.digest, parts.production.public_pem().decode())


def agent_door(parts: Parts, inbox: Inbox) -> tuple[FastAPI, Tls]:
    """The routes and the TLS of the one door that hosts come to."""
    now = parts.clock.now()
    directory = parts.options.state.authority
    authority = Authority.open(directory, now=now)
    certificate, key = authority.issue_server(directory, now=now)
    deps = api_deps(parts)
    app = build_agent_routes(deps)
    app.include_router(
        build_boot_routes(
            deps,
            door=boot_door(parts, authority),
            authority=authority,
            transfers=parts.transfers,
            medium=boot_medium(parts, ProvisioningSettings().boot_image),
        )
    )
    library = Library(parts.options.state.images)
    app.include_router(build_image_routes(deps, library=library, transfers=parts.transfers))
    app.include_router(build_event_routes(inbox, parts.clock))
    return app, Tls(
        certificate=certificate,
        key=key,
        client_authority=directory / "authority.pem",
        protocol=PeerCertificateProtocol,
    )
