"""The page on which people sign in. What the form is sent to is the API's."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Query, Request, Response

from inventory.auth import local_path, public
from inventory.deps import Deps
from inventory.web.asking import Word, page_router
from inventory.web.frame import render

router = page_router()

FAILED = {
    "wrong": "That key, or that name and password, is not right.",
    "often": "Too many attempts. Wait a minute, then try again.",
    "oidc": "The identity provider did not sign you in. The service's log says why.",
    "forbidden": "You may not sign in here. Ask an admin of this site.",
}


@router.get("/sign-in", dependencies=[Depends(public)])
async def sign_in_page(
    request: Request,
    deps: Deps,
    *,
    next_path: Annotated[Word, Query(alias="next")] = "/",
    failed: Word = "",
) -> Response:
    """A key, or a name and a password, or the site's own identity provider."""
    return render(
        request,
        deps,
        "sign_in.html",
        actor=None,
        next_path=local_path(next_path),
        failed=FAILED.get(failed, ""),
        provider=(urlsplit(deps.oidc.issuer).hostname or "") if deps.oidc.enabled else "",
    )
