"""What a simulated BMC fetches over HTTPS: firmware images and boot documents."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import aiohttp

from provisioning.simulator.errors import MediaRefused, MediaUnreachable

SIZE_LIMIT_BYTES = 64 * 1024 * 1024
"""Above any lab image; a real HGX bundle is larger, and none is ever served to a simulator."""
TRIES = 8
"""How often a transfer that broke off is taken up again, where the server offers ranges."""
LAB_FIRST_LINE = re.compile(
    rb"PODYARD-LAB-FIRMWARE component=(?P<component>[A-Z]+) version=(?P<version>[A-Za-z0-9._-]+)"
)
KNOWN_COMPONENTS = frozenset({"BIOS", "BMC"})


class MediaSource(Protocol):
    """Where images come from: the network, or a test's dictionary."""

    async def fetch(self, url: str) -> bytes:
        """The whole body, or `MediaRefused`."""


@dataclass(frozen=True, slots=True)
class HttpsMedia:
    """Plain GETs over HTTPS.

    The server's certificate is not verified, because real BMCs mostly cannot: their trust stores
    are empty, and Redfish's VerifyCertificate defaults to false. Whoever relies on an image's
    content must check its digest, which is why specs carry one.
    """

    timeout_s: float

    async def fetch(self, url: str) -> bytes:
        """GET with a deadline, no redirects and a size limit."""
        if not url.startswith("https://"):
            raise MediaRefused(f"{url} is not an https:// address", hint="serve it over HTTPS")
        timeout = aiohttp.ClientTimeout(total=self.timeout_s)
        body = bytearray()
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                for _ in range(TRIES):
                    if await _go_on(session, url, body):
                        return bytes(body)
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            raise MediaUnreachable(
                f"{url} cannot be fetched: {error}", hint="check the media server"
            ) from error
        raise MediaUnreachable(f"{url} broke off {TRIES} times", hint="check the media server")


async def _go_on(session: aiohttp.ClientSession, url: str, body: bytearray) -> bool:
    """Take what is missing; False when it broke off in the middle and is worth another try."""
    asked = {"Range": f"bytes={len(body)}-"} if body else {}
    async with session.get(url, ssl=False, allow_redirects=False, headers=asked) as reply:
        if reply.status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise MediaUnreachable(f"{url} is to be asked for later", hint="ask once more")
        if reply.status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
            raise MediaRefused(f"{url} answered {reply.status}", hint="check the media server")
        if reply.status == HTTPStatus.OK:
            body.clear()
        try:
            async for chunk in reply.content.iter_any():
                body += chunk
                if len(body) > SIZE_LIMIT_BYTES:
                    raise MediaRefused(
                        f"{url} is larger than {SIZE_LIMIT_BYTES} bytes", hint="serve a lab image"
                    )
        except aiohttp.ClientPayloadError:
            if reply.headers.get("Accept-Ranges") != "bytes":
                raise
            return False
    return True


@dataclass(frozen=True, slots=True)
class LabImage:
    """What a lab firmware image says of itself."""

    component: str
    version: str


def read_lab_image(content: bytes, *, url: str) -> LabImage:
    """Read the first line of a lab image; anything else is corrupt."""
    found = LAB_FIRST_LINE.fullmatch(content.split(b"\n", 1)[0].rstrip(b"\r"))
    if found is None or found["component"].decode() not in KNOWN_COMPONENTS:
        raise MediaRefused(
            f"{url} is not a lab firmware image",
            hint="its first line is PODYARD-LAB-FIRMWARE component=<BIOS|BMC> version=<v>",
        )
    return LabImage(component=found["component"].decode(), version=found["version"].decode())


def read_boot_document(content: bytes, *, url: str) -> dict[str, Any]:
    """Read a boot document; its content is the agent's business."""
    try:
        document = json.loads(content)
    except ValueError as error:
        raise MediaRefused(f"{url} is not JSON: {error}", hint="insert a boot document") from error
    if not isinstance(document, dict) or document.get("podyard_boot") != 1:
        raise MediaRefused(
            f"{url} is not a boot document", hint='it has "podyard_boot": 1 at its top level'
        )
    return document
