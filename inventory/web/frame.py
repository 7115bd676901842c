"""The frame around every page: templates, headers, navigation.

Templates escape everything and refuse a name that they were not given. The content policy allows
our own files and nothing else: no inline script or style, no other host. A name from a BMC is text
wherever it lands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from inventory.auth import Actor, Permission
from inventory.deps import ApiDeps
from inventory.sessions import csrf_token
from inventory.web.assets import asset_path
from inventory.web.views import looks

TEMPLATES = Path(__file__).parent / "templates"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    # Without any referrer a browser sends forms with `Origin: null`, as a stranger's page would.
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation."""

    title: str
    path: str
    permission: Permission


PLACES = (
    Place("Overview", "/", Permission.HOST_READ),
    Place("Hall", "/hall", Permission.HOST_READ),
    Place("Pods", "/pods", Permission.POD_READ),
    Place("Hosts", "/hosts", Permission.HOST_READ),
    Place("Expected", "/expected", Permission.EXPECTED_READ),
    Place("Units", "/units", Permission.UNIT_READ),
    Place("Claims", "/claims", Permission.CLAIM_READ),
    Place("Events", "/events", Permission.EVENT_READ),
    Place("Audit", "/audit", Permission.AUDIT_READ),
    Place("NetBox", "/netbox", Permission.NETBOX_READ),
)


def landing(actor: Actor) -> str:
    """The first page that somebody may see: a tenant's people have no overview of the site."""
    return next((place.path for place in PLACES if actor.may(place.permission)), "/")


DONE = {
    "retry": "Asked for: podyard goes on from where the hardware is.",
    "ready": "Asked for: podyard works towards ready.",
    "repair": "Taken for repair: podyard does nothing to this host until it is brought up again.",
    "enroll": "Asked for: its unit is drained, then the host is switched off.",
    "retire": "Asked for: it is drained, cleaned and switched off, and then retired.",
    "pause": "Paused: podyard changes nothing on this host until it is resumed.",
    "resume": "Asked for: podyard goes on from where the hardware is.",
    "quarantine": "Set apart: out of the offer, and left alone until it is retried.",
    "abort": "Asked for: what is under way ends, then the host is brought to rest.",
    "up": "Approved: the bring-up begins.",
    "hold": "Held: nothing new begins in this pod.",
}
"""What a page says after a form: by a word of ours, so that no link can put words in its mouth."""


def render(
    request: Request,
    deps: ApiDeps,
    template: str,
    *,
    actor: Actor | None,
    status: int = 200,
    **context: Any,
) -> HTMLResponse:
    """A page."""
    text = (
        environment()
        .get_template(template)
        .render(
            actor=actor,
            now=deps.clock.now(),
            path=request.url.path,
            places=[p for p in PLACES if actor is not None and actor.may(p.permission)],
            csrf=csrf_token(request) if actor is not None and actor.session_id else "",
            done=DONE.get(request.query_params.get("done", ""), ""),
            permission=Permission,
            query=dict(request.query_params),
            **context,
        )
    )
    return HTMLResponse(text, status, HEADERS)


@cache
def environment() -> Environment:
    """The templates, compiled once."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        watts=looks.watts,
        moment=looks.moment,
        clock=looks.clock,
        span=looks.span,
        segment=segment,
    )
    made.globals.update(
        asset=asset_path, ago=looks.ago, counted=looks.counted, look=looks.look, link=link
    )
    return made


def segment(name: object) -> str:
    """One part of a path, whatever stands in it."""
    return quote(str(name), safe="")


def link(path: str, query: Mapping[str, object]) -> str:
    """A path with the parts of a query that say something."""
    told = {key: str(value) for key, value in query.items() if value not in {"", None}}
    return f"{path}?{urlencode(told)}" if told else path
