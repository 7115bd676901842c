"""Asking an address, as a stranger, whether a management controller is there.

One GET of the Redfish service root and one IPMI presence ping: what both answer without knowing
who asks. Nothing that could be a credential is in reach of this module. The certificate is noted
and judged by nothing but whether an authority that the site named signed it; what is answered is
capped and believed in nothing but as a claim.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import aiohttp
from cryptography import x509
from cryptography.x509.oid import NameOID

from inventory.expecting.lists import mac_of
from provisioning.drivers.redfish.answers import decode, text
from provisioning.errors import AnswerRefused

ROOT_MAX_BYTES = 64 * 1024
"""Service roots have 2 to 6 KiB."""
PING_AGAIN_S = 1.0
"""UDP is lost now and then; a third ping would be rude."""
ASF_IANA = b"\x00\x00\x11\xbe"
RMCP_ASF = b"\x06\x00\xff\x06"
PONG = 0x40
VENDOR_NAMES = re.compile(r"(?:idrac-?|ilo)([A-Z0-9]{5,20})(?:\..*)?", re.IGNORECASE)
"""What Dell and HPE name a BMC by default: after the server's service tag or serial number."""
_SERIAL = re.compile(r"[\x21-\x7e]{1,64}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a Redfish service shows to strangers."""

    fingerprint: str
    vouched_by: str = ""
    """The authority of the site's that signed its certificate."""
    uuid: str = ""
    vendor: str = ""
    product: str = ""
    redfish_version: str = ""
    serials: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()


class Stranger(Protocol):
    """How a walk asks."""

    async def look(self, ip: str, port: int) -> Shown | None:
        """What a Redfish service there shows; None: there is none."""

    async def ping(self, ip: str, port: int) -> bool:
        """Whether IPMI is there."""

    async def close(self) -> None:
        """Hold nothing any more."""


class OverTheNetwork:
    """Asks for real. Neither call has a deadline of its own: whoever walks has one for both."""

    def __init__(
        self,
        *,
        at_once: int,
        vouched_by: Callable[[bytes], str] = lambda _certificate: "",
    ) -> None:
        self._vouched_by = vouched_by
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=at_once, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
        )

    async def look(self, ip: str, port: int) -> Shown | None:
        """One GET, over a connection that is closed afterwards."""
        host = f"[{ip}]" if ":" in ip else ip
        url = f"https://{host}:{port}/redfish/v1/"
        noted = _Noted()
        try:
            async with self._session.get(url, allow_redirects=False, ssl=noted) as reply:
                certificate = noted.certificate
                vouched = self._vouched_by(certificate)
                if reply.status != HTTPStatus.OK:
                    return _guarded(reply, certificate, vouched)
                raw = await reply.content.read(ROOT_MAX_BYTES + 1)
                while len(raw) <= ROOT_MAX_BYTES and not reply.content.at_eof():
                    raw += await reply.content.read(ROOT_MAX_BYTES + 1 - len(raw))
        except (aiohttp.ClientError, OSError, ValueError):
            return None
        return shown(raw, certificate, vouched)

    async def ping(self, ip: str, port: int) -> bool:
        """An ASF presence ping, twice at most."""
        loop = asyncio.get_running_loop()
        tag = secrets.randbelow(0xFF)  # 0xFF asks for no answer
        heard: asyncio.Future[bool] = loop.create_future()
        try:
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Pong(heard, tag), remote_addr=(ip, port)
            )
        except OSError:
            return False
        try:
            for _ in range(2):
                transport.sendto(presence_ping(tag))
                done, _ = await asyncio.wait([heard], timeout=PING_AGAIN_S)
                if done:
                    return heard.result()
            return await heard
        finally:
            heard.cancel()
            transport.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
        await asyncio.sleep(0)  # aiohttp closes its transports one turn later


class _Noted(aiohttp.Fingerprint):
    """Stands where a pin would: notes the certificate of one connection, and judges nothing.

    Nothing is sent that a certificate would have to protect.
    """

    def __init__(self) -> None:
        super().__init__(bytes(32))
        self.certificate = b""

    def check(self, transport: asyncio.Transport) -> None:
        """Called once, when the connection is there and before anything is sent over it."""
        tls = transport.get_extra_info("ssl_object")
        self.certificate = tls.getpeercert(binary_form=True) or b"" if tls is not None else b""


class _Pong(asyncio.DatagramProtocol):
    """Hears the answer to one ping; its socket is connected, so nobody else is heard."""

    def __init__(self, heard: asyncio.Future[bool], tag: int) -> None:
        self._heard = heard
        self._tag = tag

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:  # noqa: ARG002
        """Whatever is no answer to this ping is as good as nothing."""
        if not self._heard.done() and is_pong(data, self._tag):
            self._heard.set_result(True)

    def error_received(self, exc: Exception) -> None:  # noqa: ARG002
        """The port is closed."""
        if not self._heard.done():
            self._heard.set_result(False)


def presence_ping(tag: int) -> bytes:
    """RMCP, class ASF, message type 0x80 (DSP0136, 3.2.4.3)."""
    return RMCP_ASF + ASF_IANA + bytes((0x80, tag, 0, 0))


def is_pong(data: bytes, tag: int) -> bool:
    """Whether this answers a ping with this tag, and says that IPMI is spoken."""
    if len(data) < 28 or data[:1] != RMCP_ASF[:1] or data[3] != RMCP_ASF[3]:  # noqa: PLR2004
        return False
    return data[4:8] == ASF_IANA and data[8] == PONG and data[9] == tag and bool(data[20] & 0x80)


def shown(raw: bytes, certificate: bytes, vouched: str = "") -> Shown | None:
    """What a service root says, as far as it is one."""
    try:
        root = decode(raw, what="a service root") if len(raw) <= ROOT_MAX_BYTES else {}
    except AnswerRefused:
        return None
    kind = root.get("@odata.type")
    if not (isinstance(kind, str) and kind.startswith("#ServiceRoot.")):
        return None
    names = _names(certificate)
    uuid = root.get("UUID")
    return Shown(
        fingerprint=_fingerprint(certificate),
        vouched_by=vouched,
        uuid=uuid.lower() if isinstance(uuid, str) and _UUID.fullmatch(uuid) else "",
        vendor=_words(root.get("Vendor")) or _words(next(iter(_oem(root)), "")),
        product=_words(root.get("Product")),
        redfish_version=_words(root.get("RedfishVersion"))[:20],
        serials=tuple(dict.fromkeys((*_root_serials(root), *_named_serials(names)))),
        macs=tuple(dict.fromkeys(_root_macs(root))),
    )


def _guarded(reply: aiohttp.ClientResponse, certificate: bytes, vouched: str) -> Shown | None:
    """A service that wants a log-in for its root, against the standard: it is one all the same."""
    if reply.status != HTTPStatus.UNAUTHORIZED:
        return None
    if "odata-version" not in {name.lower() for name in reply.headers}:
        return None
    names = _names(certificate)
    return Shown(
        fingerprint=_fingerprint(certificate),
        vouched_by=vouched,
        serials=tuple(_named_serials(names)),
    )


def _fingerprint(certificate: bytes) -> str:
    return f"sha256:{hashlib.sha256(certificate).hexdigest()}"


def _names(certificate: bytes) -> list[str]:
    """Whom a certificate is for; one that cannot be read is for nobody."""
    try:
        subject = x509.load_der_x509_certificate(certificate).subject
    except ValueError:
        return []
    return [str(one.value) for one in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _named_serials(names: list[str]) -> Iterator[str]:
    for name in names:
        if found := VENDOR_NAMES.fullmatch(name):
            yield found.group(1).upper()


def _root_serials(root: Mapping[str, Any]) -> Iterator[str]:
    """Dell shows the service tag, HPE a name that is made of the serial number."""
    for oem in _oem(root).values():
        tag = oem.get("ServiceTag")
        if isinstance(tag, str) and _SERIAL.fullmatch(tag):
            yield tag
        managers = oem.get("Manager")
        for one in managers if isinstance(managers, list) else ():
            name = one.get("HostName") if isinstance(one, dict) else None
            if isinstance(name, str) and (found := VENDOR_NAMES.fullmatch(name)):
                yield found.group(1).upper()


def _root_macs(root: Mapping[str, Any]) -> Iterator[str]:
    for oem in _oem(root).values():
        said = oem.get("ManagerMACAddress")
        if isinstance(said, str) and (mac := mac_of(said)):
            yield mac


def _oem(root: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    oem = root.get("Oem")
    found = oem if isinstance(oem, dict) else {}
    return {name: one for name, one in found.items() if isinstance(one, dict)}


def _words(value: object) -> str:
    return text(value)[:80] if isinstance(value, str) else ""
