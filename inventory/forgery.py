"""Requests that a browser sends because some other site told it to, and how they are told apart.

A browser adds our cookie to whatever it sends us. So a request that came in on a cookie and changes
something must also show what only our own pages know (a token made from the session), and must not
say that it comes from elsewhere (`Sec-Fetch-Site`, `Origin`). Keys need none of this: no browser
adds one by itself. OWASP's cheat sheet on cross-site request forgery has the reasons.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from inventory.refusals import Refused
from inventory.sessions import csrf_token

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HEADER = "x-csrf-token"
FIELD = "csrf_token"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


async def refuse_forged(request: Request) -> None:
    """Refuse a cookie's request that changes something, unless one of our pages sent it."""
    if request.method in SAFE_METHODS:
        return
    refuse_foreign(request)
    expected = csrf_token(request)
    given = await _given(request)
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise Refused(
            403,
            "forged",
            "this request does not carry its session's token",
            hint=f"send it as the form field {FIELD} or the header X-CSRF-Token, or use a key",
        )


def refuse_foreign(request: Request) -> None:
    """Refuse what a browser says another site sent. A program says neither, and may pass."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if site in {"same-origin", "none"} and (origin is None or _own(request, origin)):
        return
    raise Refused(
        403,
        "forged",
        "this request was sent by a page of another site",
        hint="open the page at this service's own address and try again",
    )


def _own(request: Request, origin: str) -> bool:
    """By host and port: behind a proxy that ends TLS, only the browser knows the scheme."""
    hosts = request.headers.getlist("host")
    netloc = urlsplit(origin).netloc.lower()
    public = urlsplit(request.app.state.deps.public_url).netloc.lower()
    return netloc != "" and (netloc == public or [netloc] == [host.lower() for host in hosts])


async def _given(request: Request) -> str:
    header = request.headers.get(HEADER)
    if header is not None:
        return header
    if not request.headers.get("content-type", "").startswith(FORMS):
        return ""
    value = (await request.form()).get(FIELD)
    return value if isinstance(value, str) else ""
