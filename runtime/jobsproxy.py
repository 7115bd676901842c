"""Ray's own job API, through the gateway, with a podyard key in place of the cluster's token.

The unmodified `ray job …` and `JobSubmissionClient` send their token as a bearer: here that is a
podyard key. It names the tenant, the tenant names the cluster, and the cluster's own token goes on,
which no tenant's program ever needs to hold. Only jobs and their packages pass; all else of Ray's
dashboard (Serve's document, state, logs of others) does not exist here.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
import zipfile
from typing import IO, Any

import aiohttp

from runtime.answers import (
    SERVER,
    ClientGoneError,
    Headers,
    Problem,
    Receive,
    Scope,
    Send,
    no_route,
    read_body,
    send_whole,
    too_large,
)
from runtime.routes import GatewayState, RayEndpoint
from runtime.upstreams import Upstreams

SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9_.%-]*"
PATHS = (
    (re.compile(r"^/api/version$"), frozenset({"GET"})),
    (re.compile(r"^/api/jobs/?$"), frozenset({"GET", "POST"})),
    (re.compile(rf"^/api/jobs/{SEGMENT}$"), frozenset({"GET", "DELETE"})),
    (re.compile(rf"^/api/jobs/{SEGMENT}/stop$"), frozenset({"POST"})),
    (re.compile(rf"^/api/jobs/{SEGMENT}/logs$"), frozenset({"GET"})),
)
PACKAGE = re.compile(r"^/api/packages/gcs/[A-Za-z0-9_][A-Za-z0-9_.-]*$")
TAIL = re.compile(rf"^/api/jobs/{SEGMENT}/logs/tail$")
OURS = ("pods", "inventory", "provisioning", "runtime")
CLUSTER_HEADER = b"x-podyard-cluster"
DEFAULT_CLUSTER = "main"
BODY_BYTES_MAX = 1024**2  # a job's description
PACKAGE_BYTES_MAX = 100 * 1024**2  # Ray's own limit for a working_dir
SPOOL_BYTES = 4 * 1024**2
ANSWER_BYTES_MAX = 64 * 1024**2  # a job's whole log
TIMEOUT_S = 120.0  # stopping waits for the job; an upload goes to the head's store
HOST = "http://ray"


def is_job_path(path: str) -> bool:
    """True for what belongs to Ray's job API, whether it is allowed or not."""
    return path.startswith("/api/")


class JobsProxy:
    """One tenant's request to one of its clusters."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    async def answer(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        state: GatewayState,
        tenant: str,
        headers: Headers,
    ) -> None:
        """An HTTP request below `/api/`."""
        method, path = scope["method"], _raw_path(scope)
        if PACKAGE.match(path) and method in {"GET", "PUT"}:
            endpoint = _endpoint(scope, state, tenant)
            if method == "PUT":
                await self._upload(scope, receive, send, endpoint, headers)
            else:
                await self._forward(scope, b"", send, endpoint, headers)
            return
        if not any(form.match(path) and method in allowed for form, allowed in PATHS):
            raise no_route(method, path)
        endpoint = _endpoint(scope, state, tenant)
        body = await read_body(scope, receive, limit_bytes=BODY_BYTES_MAX)
        await self._forward(scope, body, send, endpoint, headers)

    async def tail(
        self, scope: Scope, receive: Receive, send: Send, *, state: GatewayState, tenant: str
    ) -> None:
        """The WebSocket of `ray job logs --follow`: text from the cluster, nothing to it."""
        if not TAIL.match(_raw_path(scope)):
            raise no_route("WEBSOCKET", scope["path"])
        endpoint = _endpoint(scope, state, tenant)
        await receive()  # websocket.connect
        try:
            far = await self._upstreams.session(endpoint.socket).ws_connect(
                HOST + _raw_path(scope), headers=_bearer(endpoint), max_msg_size=0
            )
        except (aiohttp.ClientError, OSError):
            raise _unreachable(endpoint) from None
        async with far:
            await send({"type": "websocket.accept"})
            gone = asyncio.ensure_future(_until_gone(receive))
            try:
                await self._pump(far, send, gone)
            finally:
                gone.cancel()
                await asyncio.gather(gone, return_exceptions=True)

    async def _pump(
        self, far: aiohttp.ClientWebSocketResponse, send: Send, gone: asyncio.Future[None]
    ) -> None:
        while not gone.done():
            coming = asyncio.ensure_future(far.receive())
            either: set[asyncio.Future[Any]] = {coming, gone}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                coming.cancel()
                return
            message = coming.result()
            if message.type is not aiohttp.WSMsgType.TEXT:
                await send({"type": "websocket.close", "code": _close_code(far.close_code)})
                return
            await send({"type": "websocket.send", "text": message.data})

    async def _forward(
        self,
        scope: Scope,
        body: bytes | IO[bytes],
        send: Send,
        endpoint: RayEndpoint,
        headers: Headers,
        *,
        length: int | None = None,
    ) -> None:
        query = scope.get("query_string", b"").decode("latin-1")
        path = _raw_path(scope) + (f"?{query}" if query else "")
        sent = _bearer(endpoint)
        if scope["method"] in {"POST", "PUT"}:
            sent["content-type"] = _header(scope, b"content-type") or "application/json"
        if length is not None:
            sent["content-length"] = str(length)
        try:
            async with self._upstreams.session(endpoint.socket).request(
                scope["method"],
                HOST + path,
                data=body or None,
                headers=sent,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                allow_redirects=False,
            ) as answer:
                raw = await answer.content.read(ANSWER_BYTES_MAX)
                while not answer.content.at_eof() and len(raw) < ANSWER_BYTES_MAX:
                    raw += await answer.content.read(ANSWER_BYTES_MAX)
                kind = answer.headers.get("content-type", "application/octet-stream")
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise _unreachable(endpoint) from None
        if answer.status in {401, 403}:  # our token for it is wrong: no fault of the client's key
            raise _unreachable(endpoint)
        await send_whole(
            send, answer.status, raw, ((b"content-type", kind.encode("latin-1")), *headers)
        )

    async def _upload(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        endpoint: RayEndpoint,
        headers: Headers,
    ) -> None:
        """Spool, look inside, then pass on: what is inside is known only at the archive's end."""
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            size = 0
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                size += len(message.get("body", b""))
                if size > PACKAGE_BYTES_MAX:
                    raise too_large(PACKAGE_BYTES_MAX)
                spool.write(message.get("body", b""))
                more = message.get("more_body", False)
            spool.seek(0)
            check_package(spool)
            spool.seek(0)
            await self._forward(scope, spool, send, endpoint, headers, length=size)


def check_package(archive: IO[bytes]) -> None:
    """Refuse what would shadow podyard's own packages in a worker that serves models."""
    try:
        with zipfile.ZipFile(archive) as found:
            top = {
                name.replace("\\", "/").lstrip("./").partition("/")[0] for name in found.namelist()
            }
    except (zipfile.BadZipFile, OSError, ValueError):
        raise Problem(400, "The package is not a zip archive.", code="package_refused") from None
    clashes = sorted(top & {*OURS, *(f"{name}.py" for name in OURS)})
    if clashes:
        raise Problem(
            400,
            f"The package's top level holds {', '.join(clashes)}, which would hide podyard's own "
            "modules from the workers; hint: rename it, or submit from a directory below it.",
            code="package_refused",
        )


def _endpoint(scope: Scope, state: GatewayState, tenant: str) -> RayEndpoint:
    """The tenant comes from the key; a header only chooses among the tenant's own clusters."""
    name = _header(scope, CLUSTER_HEADER) or DEFAULT_CLUSTER
    endpoint = state.clusters.get(tenant, {}).get(name)
    if endpoint is None:
        raise Problem(
            404,
            f"You have no running cluster `{name}`; hint: claim units first, or name another one "
            f"in the header {CLUSTER_HEADER.decode()}.",
            code="cluster_not_found",
        )
    return endpoint


def _unreachable(endpoint: RayEndpoint) -> Problem:
    return Problem(
        502,
        f"The cluster `{endpoint.name}` did not answer. Please try again.",
        kind=SERVER,
        code="upstream_error",
    )


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass


def _bearer(endpoint: RayEndpoint) -> dict[str, str]:
    return {"Authorization": f"Bearer {endpoint.token}"}


def _raw_path(scope: Scope) -> str:
    """As it came over the wire: what was matched is what is sent on."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("latin-1")


def _header(scope: Scope, name: bytes) -> str:
    with contextlib.suppress(StopIteration):
        value: bytes = next(found for key, found in scope["headers"] if key == name)
        return value.decode("latin-1")
    return ""


def _close_code(code: int | None) -> int:
    """Reserved codes may be seen but never sent."""
    return code if code is not None and code not in {1005, 1006, 1015} else 1000
