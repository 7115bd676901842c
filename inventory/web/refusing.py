"""A page that cannot be shown is still a page: what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from inventory.auth import SIGN_IN, Actor
from inventory.errors import Conflict, InventoryError, NotFound, StaleWrite, StoreUnavailable
from inventory.refusals import Refused, no_route
from inventory.web.frame import render
from pods.errors import PodsError

_STATUS: dict[type[Exception], int] = {
    NotFound: 404,
    Conflict: 409,
    StaleWrite: 409,
    StoreUnavailable: 503,
}
UNAUTHENTICATED = 401
MISSING = 404


class PageRoute(APIRoute):
    """Answers refusals with a page instead of JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own handler, and what comes of its refusals."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except Refused as refused:
                if refused.status == UNAUTHENTICATED:
                    return RedirectResponse(f"{SIGN_IN}?{urlencode({'next': '/'})}", 303)
                return _page(request, refused.status, str(refused), refused.body.hint)
            except InventoryError as error:
                status = _STATUS.get(type(error))
                if status is None:
                    raise
                return _page(request, status, str(error), error.hint)
            except PodsError as error:
                return _page(request, 409, str(error), getattr(error, "hint", ""))
            except RequestValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"][1:])
                return _page(request, 422, f"{where}: {first['msg']}", "correct the address")

        return handled


async def no_page(request: Request, error: Exception) -> Response:
    """A path that there is not, as a page for people and as JSON for programs."""
    wanted = "text/html" in request.headers.get("accept", "")
    missing = isinstance(error, HTTPException) and error.status_code == MISSING
    if not wanted or not missing or request.url.path.startswith("/api/"):
        return await no_route(request, error)
    return _page(request, MISSING, "there is no such page", "begin at the overview: /")


def _page(request: Request, status: int, message: str, hint: str) -> Response:
    actor = getattr(request.state, "actor", None)
    return render(
        request,
        request.app.state.deps,
        "refused.html",
        actor=actor if isinstance(actor, Actor) else None,
        status=status,
        code=status,
        message=message,
        hint=hint,
    )
