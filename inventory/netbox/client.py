"""The only door to pynetbox: what NetBox needs from a client that must not do harm.

pynetbox has no time limit and no retries, knows nothing of ETags, and its `Record.save()` sends
select fields back in the form they were read in, which NetBox 4.7 refuses. So it is used for plain
documents alone, on a session of ours: time limits, a few retries of reading and never of writing,
no redirects, no proxies or `.netrc` from the environment.

NetBox ignores a filter that it does not know. Each filter is therefore checked twice: against a
list before it is sent, and against every row that comes back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pynetbox
import requests
from pydantic import SecretStr
from pynetbox.core.query import Request as NetBoxRequest
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from inventory.netbox.errors import (
    Contended,
    Denied,
    FilterIgnored,
    NetBoxError,
    Rejected,
    Unreachable,
    Unsupported,
)
from inventory.netbox.kinds import KINDS, Kind
from inventory.netbox.rows import Row, body_of, plain, row_of

VERSION_WANTED = (4, 7)
"""Before it, If-Match and MAC addresses on interfaces are ignored or refused."""
BATCH = 100  # 500 devices in one request take 59 s, and the server's own limit is often 60 s
BODY_MAX_BYTES = 2_000_000  # above 2.5 MiB NetBox answers 500
PAGE = 500  # rows with few fields: about 0.1 s of the server's CPU
ASK_AT_ONCE = 50  # values of one filter: an address of some 2 kB
TIMEOUT_S = (
    5.0,
    120.0,
)  # to connect; to answer: a batch of 100 devices takes 7 s on an idle server
GET_TRIES = 3
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True)
class Access:
    """Where NetBox is, and as whom."""

    url: str
    token: SecretStr
    ca_file: Path | None = None


class _Adapter(HTTPAdapter):
    """A time limit on every request."""

    def send(self, request: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        kwargs["timeout"] = kwargs.get("timeout") or TIMEOUT_S
        return super().send(request, **kwargs)


class NetBoxClient:
    """One NetBox. Blocking: call it in a thread. One writer at a time is the caller's duty."""

    def __init__(self, access: Access, *, going_on: Callable[[], None] = lambda: None) -> None:
        """`going_on` is called before every request, and raises when this must stop."""
        self._going_on = going_on
        self._base = refuse_plain_http(access.url)
        self._session = _session(access.ca_file)
        self._api = pynetbox.api(self._base, token=access.token.get_secret_value())
        self._api.http_session = self._session
        self.written = 0
        """Requests that changed something, since this client was made."""

    def close(self) -> None:
        """Close connections."""
        self._session.close()

    def version(self) -> tuple[int, ...]:
        """The server's version; Unsupported when it is too old."""
        status = self._call("get", self._request("status"))
        text = str(status.get("netbox-version", ""))
        found = tuple(int(part) for part in re.findall(r"\d+", text)[:3])
        if found[:2] < VERSION_WANTED:
            wanted = ".".join(str(part) for part in VERSION_WANTED)
            raise Unsupported(
                f"NetBox at {self._base} is version {text or 'unknown'}; {wanted} is needed: "
                "older ones ignore If-Match and refuse MAC addresses on interfaces",
                hint=f"upgrade NetBox to {wanted} or later",
            )
        return found

    def choices(self, kind: str, field: str) -> frozenset[str]:
        """The values that a field of choices takes on this server."""
        url = f"{self._base}/api/{KINDS[kind].path}/"
        found = self._checked(lambda: self._session.options(url, headers=self._headers()))
        actions = found.json().get("actions", {}).get("POST", {})
        return frozenset(str(c["value"]) for c in actions.get(field, {}).get("choices", ()))

    def every(self, kind: str, **filters: Sequence[str | int]) -> list[Row]:
        """All rows, or those whose field has one of the values; every row is checked."""
        wanted = KINDS[kind]
        if not filters:
            return list(self._pages(wanted, {}))
        ((name, values),) = filters.items()
        if wanted.proof_of(name) is None:
            listed = ", ".join(sorted({"id", *wanted.filters}))
            raise ValueError(f"{kind} is not filtered by {name}; it is by {listed}")
        found: dict[int, Row] = {}
        ordered = sorted(set(values), key=str)
        for start in range(0, len(ordered), ASK_AT_ONCE):
            piece = ordered[start : start + ASK_AT_ONCE]
            for row in self._pages(wanted, {name: piece}):
                _check_filter(row, wanted, name, piece)
                found[row.id] = row
        return list(found.values())

    def one(self, kind: str, key: int) -> Row | None:
        """One object with its ETag, or None."""
        url = f"{self._base}/api/{KINDS[kind].path}/{key}/"
        reply = self._checked(
            lambda: self._session.get(url, headers=self._headers()), absent_is_answer=True
        )
        if reply.status_code == requests.codes.not_found:
            return None
        row = row_of(KINDS[kind], _document(reply))
        return Row(row.kind, row.id, row.fields, row.raw, reply.headers.get("ETag", row.etag))

    def create(self, kind: str, wanted: Sequence[Mapping[str, Any]]) -> list[Row]:
        """New objects, all or none of them, in the order given."""
        bodies = [body_of(fields) for fields in wanted]
        made = self._call("post", self._request(KINDS[kind].path), bodies)
        self.written += 1
        return [row_of(KINDS[kind], one) for one in made]

    def change(self, kind: str, key: int, fields: Mapping[str, Any], *, etag: str) -> Row:
        """Change some fields of an object that nobody changed since; else Contended."""
        url = f"{self._base}/api/{KINDS[kind].path}/{key}/"
        headers = self._headers() | ({"If-Match": etag} if etag else {})
        reply = self._checked(
            lambda: self._session.patch(url, json=body_of(fields), headers=headers)
        )
        self.written += 1
        return row_of(KINDS[kind], _document(reply))

    def fill(self, kind: str, wanted: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
        """Fill fields of objects that this client made a moment ago, all or none of them."""
        bodies = [{"id": key, **body_of(fields)} for key, fields in wanted]
        self._call("patch", self._request(KINDS[kind].path), bodies)
        self.written += 1

    def delete(self, kind: str, key: int, *, etag: str) -> None:
        """Remove one object that nobody changed since. The caller has looked at it."""
        url = f"{self._base}/api/{KINDS[kind].path}/{key}/"
        headers = self._headers() | ({"If-Match": etag} if etag else {})
        self._checked(lambda: self._session.delete(url, headers=headers))
        self.written += 1

    def _pages(self, kind: Kind, filters: Mapping[str, Any]) -> Iterator[Row]:
        """By cursor: offsets over an order that is not unique lose rows and repeat others."""
        start = 0
        names = ",".join(("id", "last_updated", *kind.reads))
        while True:
            asked = {**filters, "fields": names, "limit": PAGE, "start": start}
            page = self._call("get", self._request(kind.path, asked))
            rows = [row_of(kind, one) for one in page["results"]]
            yield from rows
            if len(rows) < PAGE:
                return
            following = max(row.id for row in rows) + 1
            if following <= start:
                raise NetBoxError(
                    f"NetBox does not page {kind.path} by its cursor: it answered the same page",
                    hint="look for a proxy that drops `start` from the address",
                )
            start = following

    def _request(self, path: str, filters: Mapping[str, Any] | None = None) -> NetBoxRequest:
        return NetBoxRequest(
            base=f"{self._base}/api/{path}",
            http_session=self._session,
            token=self._api.token,
            filters=filters,
        )

    def _headers(self) -> dict[str, str]:
        headers = {"accept": "application/json"}
        self._request("")._add_auth_header(headers)  # noqa: SLF001 - which token form, it knows
        return headers

    def _call(self, verb: str, request: NetBoxRequest, data: Any = None) -> Any:
        """A document through pynetbox, in our words when it fails."""
        self._going_on()
        try:
            return request._make_call(verb, data=data)  # noqa: SLF001 - `get` follows any `next`
        except pynetbox.RequestError as error:
            raise _told(error.req) from error
        except pynetbox.ContentError as error:
            raise Unreachable(
                f"{self._base} answers, but not as NetBox does",
                hint="check PODYARD_NETBOX_URL: it is the address without /api",
            ) from error
        except pynetbox.AllocationError as error:
            raise Contended("NetBox is at work on the same object") from error
        except requests.RequestException as error:
            raise _unreachable(self._base, error) from error

    def _checked(self, ask: Any, *, absent_is_answer: bool = False) -> requests.Response:
        """A reply with its headers, which pynetbox does not hand on."""
        self._going_on()
        try:
            reply: requests.Response = ask()
        except requests.RequestException as error:
            raise _unreachable(self._base, error) from error
        absent = absent_is_answer and reply.status_code == requests.codes.not_found
        if not reply.ok and not absent:
            raise _told(reply)
        return reply


def refuse_plain_http(url: str) -> str:
    """The address without its end, if a token may be sent there."""
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username:
        raise Unsupported(
            f"PODYARD_NETBOX_URL is {url!r}, which is no address of a NetBox",
            hint="give https://host, without a user name",
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise Unsupported(
            f"PODYARD_NETBOX_URL is {url!r}: a token over plain http can be read on the way",
            hint="use https; plain http is for 127.0.0.1 alone",
        )
    return url.rstrip("/").removesuffix("/api")


def batches(bodies: Sequence[Mapping[str, Any]]) -> Iterator[list[int]]:
    """Places in `bodies`, in groups that NetBox takes in one request."""
    group: list[int] = []
    size = 0
    for place, body in enumerate(bodies):
        weight = len(json.dumps(body, default=str))
        if group and (len(group) == BATCH or size + weight > BODY_MAX_BYTES):
            yield group
            group, size = [], 0
        group.append(place)
        size += weight
    if group:
        yield group


def _session(ca_file: Path | None) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.max_redirects = 0
    session.verify = str(ca_file) if ca_file else True
    retries = Retry(
        total=GET_TRIES,
        allowed_methods=frozenset({"GET", "OPTIONS"}),
        status_forcelist=(502, 503, 504),
        backoff_factor=0.5,
        redirect=0,
        raise_on_status=False,
    )
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter(max_retries=retries))
    return session


def _check_filter(row: Row, kind: Kind, name: str, values: Sequence[str | int]) -> None:
    """A row that was not asked for means that the filter was not understood."""
    held = row.fields.get(kind.proof_of(name) or "")
    if name == "address":
        held = str(held).partition("/")[0]
    elif name == "device_id" and kind.name == "ip-address":
        held = ((row.raw.get("assigned_object") or {}).get("device") or {}).get("id")
    if str(held).lower() not in {str(value).lower() for value in values}:
        raise FilterIgnored(
            f"NetBox was asked for {kind.path} by {name} and answered with {kind.name} {row.id}, "
            f"whose value is {held!r}: it ignored the filter",
            hint="see that its version is supported, and that the custom field podyard_id exists "
            "with filter logic `exact`; nothing was written",
        )


def _document(reply: requests.Response) -> dict[str, Any]:
    try:
        found = reply.json()
    except ValueError as error:
        raise Unreachable(
            f"{reply.url} answered {reply.status_code} with something that is not JSON",
            hint="see whether a proxy answers in its place",
        ) from error
    return dict(found)


def _unreachable(base: str, error: requests.RequestException) -> NetBoxError:
    cause = type(error).__name__
    if isinstance(error, requests.exceptions.SSLError):
        return Unreachable(
            f"the certificate of {base} does not verify ({cause})",
            hint="give its authority with PODYARD_NETBOX_CA_FILE",
        )
    if isinstance(error, requests.TooManyRedirects):
        return Unreachable(
            f"{base} redirects elsewhere, where the token will not be sent",
            hint="give PODYARD_NETBOX_URL the address that it redirects to",
        )
    return Unreachable(
        f"{base} did not answer ({cause})", hint="podyard asks again by itself; nothing is lost"
    )


def _told(reply: requests.Response) -> NetBoxError:
    """What a refusal means to the caller."""
    where = f"{reply.request.method} {urlsplit(str(reply.url)).path}"
    said = _said(reply)
    match reply.status_code:
        case 401 | 403:
            return Denied(
                f"NetBox refused {where}: {said}",
                hint="the token in PODYARD_NETBOX_TOKEN_FILE must be valid, write-enabled, and its "
                "user allowed to do this",
            )
        case 412 | 409:
            return Contended(f"{where}: somebody changed it meanwhile")
        case 400:
            return Rejected(f"NetBox rejected {where}: {said}", rows=_rows(reply))
        case 404:
            return Contended(f"{where}: it is not there any more")
        case 500 if "duplicate key" in reply.text or "IntegrityError" in reply.text:
            return Contended(f"{where}: somebody made the same at the same moment")
        case 502 | 503 | 504 | 429:
            return Unreachable(f"{where}: {reply.status_code}", hint="podyard asks again by itself")
        case _:
            return NetBoxError(
                f"NetBox failed at {where} with {reply.status_code}: {said}",
                hint="NetBox's own log says more",
            )


def _said(reply: requests.Response) -> str:
    try:
        found = reply.json()
    except ValueError:
        return f"{reply.status_code} without words"
    text = found.get("detail") or found.get("error") if isinstance(found, dict) else None
    return str(text or found)[:500]


def _rows(reply: requests.Response) -> dict[int, str]:
    """Place in the request to what is wrong there (the form of 4.7)."""
    try:
        found = reply.json()
    except ValueError:
        return {}
    errors = found.get("errors", ()) if isinstance(found, dict) else ()
    return {
        int(one["index"]): json.dumps(plain(one.get("errors")), ensure_ascii=False)[:500]
        for one in errors
        if isinstance(one, dict) and "index" in one
    }
