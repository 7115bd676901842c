"""Every page, in one list that the API takes in."""

from __future__ import annotations

from fastapi import APIRouter

from inventory.web import assets
from inventory.web.routes import (
    finding,
    hosts,
    offers,
    onboarding,
    pods,
    racks,
    signing,
    site,
    story,
)

ROUTERS: tuple[APIRouter, ...] = (
    assets.router,
    signing.router,
    site.router,
    racks.router,
    hosts.router,
    onboarding.router,
    pods.router,
    offers.router,
    story.router,
    finding.router,
)
