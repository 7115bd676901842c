"""The only door to Ray on the controller's side: plain HTTP through the head's relay socket.

The controller never imports Ray and never joins a cluster. It asks the dashboard, with the
cluster's token, for the few things it needs: does it live, which nodes, what is served. Ray's
version is probed, because its document and its state API changed between releases.

What answers is the tenant's: whatever runs there may change what it says. So an answer has a limit
by what it is about, and only those jobs are asked for that somebody waits for, never all of them.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from runtime.relay import checked_socket_path

VERSION_FLOOR = (2, 60)
TIMEOUT_S = 15.0  # the state API gives up by itself after 10 s
PUT_TIMEOUT_S = 60.0  # the first PUT starts Serve's controller: 4.6 s on an idle machine
HOST = "http://ray"
ANSWER_BYTES_MAX = 1024**2
"""One job: its command, metadata and environment, as large as they may be queued, are 0.5 MiB."""
MANY_BYTES_MAX = 8 * 1024**2
"""Nodes and applications: 4,096 hosts with 2 KB each. To read that takes some 80 ms."""
READ_HERE_BYTES = 64 * 1024
"""A longer answer is read by a thread: it takes a millisecond and more."""
REFUSED_CHARACTERS = 300
SUPERVISOR_GONE = "JOB_SUPERVISOR_ACTOR"
"""How Ray's kinds of failure begin that are about a job's supervisor, not about the job."""


class ClusterError(Exception):
    """The cluster did not answer, or not with what was asked for: try again later."""


class ClusterRefusedError(ClusterError):
    """The cluster answered, and said no."""

    def __init__(self, message: str, *, status: int, said: str) -> None:
        super().__init__(message)
        self.status = status
        self.said = said


@dataclass(frozen=True, slots=True)
class Node:
    """One Ray node."""

    node_id: str
    address: str
    alive: bool
    is_head: bool
    labels: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, float] = field(default_factory=dict)
    started_ms: int = 0
    """When it joined, in milliseconds since 1970 by its host's clock; 0: not told."""


@dataclass(frozen=True, slots=True)
class ServedApplication:
    """One application as Serve reports it."""

    name: str
    status: str
    """Serve's own spelling: NOT_STARTED, DEPLOYING, RUNNING, DEPLOY_FAILED, DELETING, UNHEALTHY."""
    message: str
    replicas_running: int
    route_prefix: str = ""


@dataclass(frozen=True, slots=True)
class RayJob:
    """One job as Ray reports it."""

    submission_id: str
    status: str
    """Ray's own spelling: PENDING, RUNNING, STOPPED, SUCCEEDED, FAILED."""
    message: str = ""
    node_id: str = ""
    """Where its driver runs."""
    lost_host: bool = False
    """It failed because what watched over it went away, not by itself."""
    asked_ms: int = 0
    """When the head took it, in milliseconds since 1970 by the head's clock; 0: not told."""


class ClusterClient:
    """One cluster's dashboard."""

    def __init__(self, dashboard_socket: Path, token: str) -> None:
        self._socket = checked_socket_path(dashboard_socket)
        self._token = token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close connections. Safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def version(self) -> str:
        """Ray's version. Raises `ClusterError` below the floor."""
        found = str((await self._get("/api/version"))["ray_version"])
        if tuple(int(part) for part in found.split(".")[:2]) < VERSION_FLOOR:
            floor = ".".join(map(str, VERSION_FLOOR))
            raise ClusterError(
                f"the cluster runs Ray {found}; hint: podyard needs {floor} or newer"
            )
        return found

    async def healthy(self) -> bool:
        """True when the head's control store answers."""
        try:
            await self._request("GET", "/api/gcs_healthz")
        except ClusterError:
            return False
        return True

    async def nodes(self) -> tuple[Node, ...]:
        """Every node that the cluster remembers, dead ones included."""
        body = await self._get("/api/v0/nodes?detail=1&limit=10000", limit_bytes=MANY_BYTES_MAX)
        try:
            return tuple(_node(one) for one in body["data"]["result"]["result"])
        except (KeyError, TypeError) as error:
            raise ClusterError("the list of nodes has another shape than Ray 2.60's") from error

    async def put_serve(self, document: Mapping[str, Any]) -> None:
        """Converge: this is everything that shall be served. Serve carries it out afterwards."""
        await self._request(
            "PUT", "/api/serve/applications/", body=dict(document), timeout_s=PUT_TIMEOUT_S
        )

    async def serve_status(self) -> tuple[ServedApplication, ...]:
        """What is served, and how far it is."""
        body = await self._get("/api/serve/applications/", limit_bytes=MANY_BYTES_MAX)
        return tuple(
            _application(name, found) for name, found in body.get("applications", {}).items()
        )

    async def ray_jobs(self, submission_ids: Iterable[str]) -> dict[str, RayJob]:
        """Those of these jobs that the cluster remembers, by their submission ids."""
        asked = [self._ray_job(submission_id) for submission_id in submission_ids]
        return {one.submission_id: one for one in await asyncio.gather(*asked) if one is not None}

    async def _ray_job(self, submission_id: str) -> RayJob | None:
        try:
            return _ray_job(submission_id, await self._get(f"/api/jobs/{submission_id}"))
        except ClusterRefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def submit_job(self, body: Mapping[str, Any]) -> None:
        """Hand a job over. Its id must be new: Ray answers 500 to one that it knows."""
        await self._request("POST", "/api/jobs/", body=dict(body), timeout_s=PUT_TIMEOUT_S)

    async def forget_job(self, submission_id: str) -> None:
        """The head need not remember a job that has ended. One that it does not know is fine."""
        try:
            await self._request("DELETE", f"/api/jobs/{submission_id}")
        except ClusterRefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    async def stop_job(self, submission_id: str) -> None:
        """Ask it to end; Ray kills what does not within three seconds."""
        await self._request("POST", f"/api/jobs/{submission_id}/stop", timeout_s=PUT_TIMEOUT_S)

    async def _get(self, path: str, *, limit_bytes: int = ANSWER_BYTES_MAX) -> Any:
        return await self._request("GET", path, limit_bytes=limit_bytes)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        timeout_s: float = TIMEOUT_S,
        limit_bytes: int = ANSWER_BYTES_MAX,
    ) -> Any:
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._open().request(
                method, HOST + path, json=body, timeout=timeout, allow_redirects=False
            ) as answer:
                raw = await _read(answer, limit_bytes, what=f"{method} {path}")
                if answer.status != HTTPStatus.OK:
                    raise _refused(f"{method} {path}", answer.status, raw)
                if answer.content_type != "application/json":
                    return raw.decode(errors="replace")
                return await _parsed(raw)
        except RecursionError:
            raise ClusterError(f"{method} {path}: an answer nested too deep to read") from None
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise ClusterError(f"{method} {path}: {type(error).__name__}: {error}") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(path=os.fspath(self._socket)),
                headers={"Authorization": f"Bearer {self._token}"},
            )
        return self._session


async def _read(answer: aiohttp.ClientResponse, limit_bytes: int, *, what: str) -> bytes:
    raw = bytearray()
    async for part in answer.content.iter_any():
        raw += part
        if len(raw) > limit_bytes:
            raise ClusterError(f"{what}: an answer of more than {limit_bytes} bytes")
    return bytes(raw)


async def _parsed(raw: bytes) -> Any:
    if len(raw) > READ_HERE_BYTES:
        return await asyncio.to_thread(json.loads, raw)
    return json.loads(raw)


def _refused(what: str, status: int, raw: bytes) -> ClusterRefusedError:
    """Of a traceback, which is how Ray answers, the end says what is wrong."""
    said = raw.decode(errors="replace").strip()[-REFUSED_CHARACTERS:]
    return ClusterRefusedError(f"{what}: {status} {said}", status=status, said=said)


def _node(found: Mapping[str, Any]) -> Node:
    return Node(
        node_id=str(found["node_id"]),
        address=str(found["node_ip"]),
        alive=found["state"] == "ALIVE",
        is_head=bool(found.get("is_head_node")),
        labels=dict(found.get("labels") or {}),
        resources=dict(found.get("resources_total") or {}),
        started_ms=_ms(found.get("start_time_ms")),
    )


def _ray_job(submission_id: str, found: Any) -> RayJob:
    if not isinstance(found, dict):
        raise ClusterError(f"job {submission_id} has another shape than Ray 2.60's")
    return RayJob(
        submission_id=submission_id,
        status=str(found.get("status", "")),
        message=str(found.get("message") or ""),
        node_id=str(found.get("driver_node_id") or ""),
        lost_host=str(found.get("error_type") or "").startswith(SUPERVISOR_GONE),
        asked_ms=_ms(found.get("start_time")),
    )


def _ms(told: Any) -> int:
    return told if isinstance(told, int) else 0


def _application(name: str, found: Mapping[str, Any]) -> ServedApplication:
    replicas = [
        replica
        for deployment in found.get("deployments", {}).values()
        for replica in deployment.get("replicas", [])
    ]
    messages = [found.get("message", "")] + [
        deployment.get("message", "") for deployment in found.get("deployments", {}).values()
    ]
    return ServedApplication(
        name=name,
        status=str(found.get("status", "NOT_STARTED")),
        message="; ".join(str(one) for one in messages if one),
        replicas_running=sum(one.get("state") == "RUNNING" for one in replicas),
        route_prefix=str(found.get("route_prefix") or ""),
    )
