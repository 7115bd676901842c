"""The command line's way to the service: where it is, as whom, and what its refusals mean.

Address and key come from `PODYARD_URL` and `PODYARD_KEY`, else from the file that `podyard login`
wrote in the state directory (`PODYARD_STATE`, by default the XDG one). Proxies of the environment
are not used: a key goes to the service and to nobody between.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import typer

from inventory.statedir import StateDirectory, default_state
from pods.answering import harmless

REFUSED = 1
UNREACHABLE = 3
URL_DEFAULT = "http://127.0.0.1:8470"
TIMEOUT_S = 60.0  # a plan of 4,500 hosts takes a few seconds
PAGE = 1000


class ServiceError(Exception):
    """The service said no, or nothing at all; `code` is the exit code that says which."""

    def __init__(
        self, message: str, *, hint: str = "", code: int = REFUSED, kind: str = "", lines: Any = ()
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code
        self.kind = kind
        self.lines = tuple(lines)


@dataclass(frozen=True, slots=True)
class Access:
    """Where the service is, and the key to it."""

    url: str
    key: str


def find_access(environment: Mapping[str, str]) -> Access:
    """Address and key from the environment, else from the state directory."""
    state = StateDirectory(Path(environment.get("PODYARD_STATE") or default_state()))
    known = {**_read(state.address, secret=False), **_read(state.client, secret=True)}
    url = environment.get("PODYARD_URL") or known.get("url") or URL_DEFAULT
    key = environment.get("PODYARD_KEY") or known.get("key") or ""
    if not key:
        raise ServiceError(
            f"no key for {url}: none in PODYARD_KEY, none in {state.client}",
            hint="podyard login (once, after podyard serve), or set PODYARD_KEY",
        )
    return Access(url=url.rstrip("/"), key=key)


def _read(path: Path, *, secret: bool) -> dict[str, str]:
    """A small JSON file, or nothing. One that holds a key must be its owner's alone."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text()
    except OSError:
        return {}
    if secret and mode & 0o077:
        raise ServiceError(
            f"{path} holds a key and can be read by others ({mode:04o})", hint=f"chmod 600 {path}"
        )
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ServiceError(
            f"{path} is not JSON", hint="remove it, then podyard login again"
        ) from error
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


class Service:
    """The API, as the commands use it."""

    def __init__(self, access: Access, *, transport: httpx.BaseTransport | None = None) -> None:
        self._access = access
        self._http = httpx.Client(
            base_url=access.url,
            headers={"Authorization": f"Bearer {access.key}"},
            timeout=httpx.Timeout(TIMEOUT_S, connect=5.0),
            trust_env=False,
            follow_redirects=False,
            transport=transport,
        )

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """One document."""
        return self._ask("GET", path, params=_given(query))

    def all(self, path: str, **query: Any) -> list[Any]:
        """Every result of a list, page by page."""
        page = self.get(path, limit=PAGE, **query)
        found = list(page["results"])
        while page["next"]:
            page = self.follow(page["next"])
            found += page["results"]
        return found

    def follow(self, address: str) -> Any:
        """The page that another one's `next` names, on this service."""
        return self._ask("GET", _path_of(address))

    def ask(self, method: str, path: str, *, query: Mapping[str, Any], body: Any = None) -> Any:
        """One call of the generated client."""
        return self._ask(method, path, params=_given(query), json=body)

    def post(self, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Any:
        """Send a document."""
        return self._ask("POST", path, json=body, headers=headers)

    def put(self, path: str, body: Any) -> Any:
        """Make it as described."""
        return self._ask("PUT", path, json=body)

    def send(self, path: str, content: bytes, media_type: str, **query: Any) -> Any:
        """Send a file as it is."""
        headers = {"Content-Type": media_type}
        return self._ask("POST", path, content=content, headers=headers, params=_given(query))

    def patch(self, path: str, body: Any) -> Any:
        """Change some fields."""
        return self._ask("PATCH", path, json=body)

    def delete(self, path: str, **query: Any) -> Any:
        """Ask for something to go."""
        return self._ask("DELETE", path, params=_given(query))

    @contextmanager
    def download(self, path: str, **query: Any) -> Iterator[Iterator[bytes]]:
        """A document of any length, in parts."""
        try:
            with self._http.stream("GET", path, params=_given(query)) as reply:
                if reply.is_error:
                    reply.read()
                    raise _refused(reply)
                yield reply.iter_bytes()
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    @contextmanager
    def stream(self, path: str, **query: Any) -> Iterator[Iterator[str]]:
        """Lines of an event stream, for as long as it lasts."""
        headers = {"Accept": "text/event-stream"}
        try:
            with self._http.stream(
                "GET", path, params=_given(query), headers=headers, timeout=None
            ) as reply:
                if reply.is_error:
                    reply.read()
                    raise _refused(reply)
                yield reply.iter_lines()
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        try:
            reply = self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if not reply.is_success:
            raise _refused(reply)
        return reply.json() if reply.content else None

    def _unreachable(self, error: httpx.TransportError) -> ServiceError:
        return ServiceError(
            f"no podyard service answers at {self._access.url} ({error})",
            hint="start it: podyard serve; or name another: PODYARD_URL=http://host:port",
            code=UNREACHABLE,
        )


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value not in (None, "", [])}


def _path_of(address: str) -> str:
    """The rest of a list on the service that was asked: a key goes nowhere else."""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def _refused(reply: httpx.Response) -> ServiceError:
    """The service's own words; what is not of its shape came from somebody else."""
    try:
        error = reply.json()["error"]
        message, hint, kind = error["message"], error["hint"], error["kind"]
    except (ValueError, KeyError, TypeError):
        return ServiceError(
            f"{reply.request.url} answered {reply.status_code}, not as podyard does",
            hint="check PODYARD_URL: another program may listen there",
        )
    problems = [error, *(error.get("others") or ())]
    lines = [_line(one) for one in problems] if error.get("path") else []
    return ServiceError(message, hint=hint, kind=kind, lines=lines)


def _line(problem: Mapping[str, Any]) -> str:
    got = f" (got {problem['value']})" if problem.get("value") else ""
    return f"{problem['path']}: {problem['message']}{got}\nhint: {problem['hint']}"


@contextmanager
def service() -> Iterator[Service]:
    """The service for one command; a refusal ends it with two lines and the right exit code."""
    try:
        opened = Service(find_access(os.environ))
        try:
            yield opened
        finally:
            opened.close()
    except ServiceError as error:
        report(error)
        raise typer.Exit(error.code) from error


def report(error: ServiceError) -> None:
    """Say what went wrong, on stderr."""
    if error.lines:
        for line in error.lines:
            typer.echo(f"error: {harmless(line)}", err=True)
        return
    typer.echo(f"error: {harmless(str(error))}", err=True)
    if error.hint:
        typer.echo(f"hint: {harmless(error.hint)}", err=True)
