"""Serves a DMTF mockup over HTTPS as a BMC would: it asks who it is, and keeps what is written.

The payloads are other people's; what is ours is only that a PATCH merges, a POST to a collection
adds a member and a DELETE takes it away. An action is taken at the address and with the values that
the payloads name, and refused with any other. So reading is proved on something that nobody here
made up, and writing only as far as a client that sends the right thing to the right place.
"""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.integration.drivers.scripted_bmc import Certificate

Json = dict[str, Any]
ROOT = "/redfish/v1"
ALLOWABLE = "@Redfish.AllowableValues"
WITHOUT_SESSIONS = ("SessionService", "Links")


class MockupServer:
    """The resources of one mockup, in memory."""

    def __init__(self, folder: Path, *, username: str, password: str) -> None:
        self.resources = {
            f"{ROOT}/{found.parent.relative_to(folder)}".removesuffix("/."): _payload(found)
            for found in folder.rglob("index.json")
        }
        for name in WITHOUT_SESSIONS:
            self.resources[ROOT].pop(name, None)
        self._actions = dict(self._declared())
        self.requests: list[tuple[str, str]] = []
        self._basic = base64.b64encode(f"{username}:{password}".encode()).decode()

    @contextmanager
    def listening(self, certificate: Certificate) -> Iterator[int]:
        """On a free loopback port, in a thread."""
        mockup = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                sent = json.loads(self.rfile.read(length)) if length else {}
                given = self.headers.get("Authorization", "")
                status, body, extra = mockup.answer(self.command, self.path, sent, given)
                content = json.dumps(body).encode() if body is not None else b""
                self.send_response(status)
                for name, value in extra.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PATCH = do_POST = do_DELETE = _handle  # noqa: N815 - http.server's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate.cert_file, certificate.key_file)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)

    def answer(
        self, method: str, target: str, sent: Json, authorization: str
    ) -> tuple[int, Json | None, dict[str, str]]:
        """Status, body and headers."""
        path = target.partition("?")[0].rstrip("/")
        self.requests.append((method, path))
        if path != ROOT and authorization != f"Basic {self._basic}":
            return HTTPStatus.UNAUTHORIZED, {}, {}
        known = self.resources.get(path)
        match method:
            case "GET" if known is not None:
                return HTTPStatus.OK, known, {}
            case "PATCH" if known is not None:
                _merge(known, sent)
                return HTTPStatus.OK, known, {}
            case "POST" if known is not None and "Members" in known:
                return self._added(path, known, sent)
            case "POST" if path in self._actions:
                wrong = [n for n, v in sent.items() if v not in self._actions[path].get(n, [v])]
                return (HTTPStatus.BAD_REQUEST if wrong else HTTPStatus.NO_CONTENT), None, {}
            case "DELETE" if known is not None:
                self._remove(path)
                return HTTPStatus.NO_CONTENT, None, {}
            case _:
                return HTTPStatus.NOT_FOUND, {}, {}

    def _declared(self) -> Iterator[tuple[str, dict[str, list[Any]]]]:
        """Each action's address with the values that its parameters may have."""
        for body in self.resources.values():
            for action in body.get("Actions", {}).values():
                if isinstance(action, dict) and "target" in action:
                    yield (
                        action["target"],
                        {
                            name.partition("@")[0]: allowed
                            for name, allowed in action.items()
                            if name.endswith(ALLOWABLE)
                        },
                    )

    def _added(
        self, path: str, collection: Json, sent: Json
    ) -> tuple[int, Json | None, dict[str, str]]:
        name = f"new-{len(self.requests)}"
        new = {"@odata.id": f"{path}/{name}", "Id": name, **sent}
        new.pop("Password", None)
        self.resources[f"{path}/{name}"] = new
        collection["Members"].append({"@odata.id": new["@odata.id"]})
        return HTTPStatus.CREATED, new, {"Location": new["@odata.id"]}

    def _remove(self, path: str) -> None:
        del self.resources[path]
        members = self.resources[path.rpartition("/")[0]]["Members"]
        members[:] = [one for one in members if one["@odata.id"] != path]


def _payload(path: Path) -> Json:
    found: Json = json.loads(path.read_bytes())
    return found


def _merge(known: Json, sent: Json) -> None:
    for name, value in sent.items():
        if isinstance(value, dict) and isinstance(known.get(name), dict):
            _merge(known[name], value)
        else:
            known[name] = value
