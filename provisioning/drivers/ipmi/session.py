"""One IPMI conversation, in a worker process that lives no longer than a deadline allows.

Every request has one. When it passes, the worker is killed and the next request starts another: a
read then could not be had, and a change has an unknown outcome, which the caller settles by
looking. Requests go out one at a time, since IPMI BMCs serve one at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from provisioning.drivers.capabilities import Capability, lacking
from provisioning.drivers.credentials import BmcMisconfigured, Credentials
from provisioning.drivers.ipmi.address import IpmiEndpoint
from provisioning.errors import (
    Ambiguous,
    AnswerRefused,
    BmcBusy,
    BmcRefused,
    BmcUnreachable,
    CredentialsRefused,
    ProvisioningError,
    Unsupported,
)

WORKER = "provisioning.drivers.ipmi.worker"
ROOT = Path(__file__).parents[3]
USERNAME_BYTES_MAX = 16
PASSWORD_BYTES_MAX = 20
"""What IPMI 2.0 has room for."""
MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""A SEL of 8,000 records, as lines of JSON."""
LOGOUT_S = 3.0
START_S = 20.0
"""Beside the deadline, for the log-in: a process starts in 0.4 s, and under load in 10."""

_BUSY = frozenset({0xC0, 0xC3, 0xD2, 0xD5})
"""Node busy, time-out inside, initialization under way, not in this state."""
_NO_SDR = frozenset({0, 0xC9, 0xCB})
"""How BMCs without a sensor list answer to a request for it."""
_LACKING = frozenset({0xC1, 0xC2, 0xD6})
"""Invalid command, invalid for this LUN, disabled."""


class IpmiSession:
    """A logged-in conversation; nothing is sent before the first request."""

    def __init__(
        self, *, endpoint: IpmiEndpoint, credentials: Credentials, deadline_s: float
    ) -> None:
        self.label = endpoint.label
        self._endpoint = endpoint
        self._credentials = credentials
        self._deadline_s = deadline_s
        self._turn = asyncio.Lock()
        self._worker: asyncio.subprocess.Process | None = None
        self.suite = 0
        """The cipher suite in use: 17 or 3; 0 before the log-in."""
        _check_lengths(endpoint.label, credentials)

    async def read(self, netfn: int, command: int, *data: int) -> bytes:
        """One command that changes nothing."""
        reply = await self._ask("read", netfn=netfn, command=command, data=data)
        return self._data(reply, netfn, command)

    async def change(self, netfn: int, command: int, *data: int) -> bytes:
        """One command that changes something, sent once."""
        reply = await self._ask("change", netfn=netfn, command=command, data=data)
        return self._data(reply, netfn, command)

    async def sensors(self) -> list[dict[str, Any]]:
        """Every sensor. Some hundred reads: four deadlines."""
        try:
            found: list[dict[str, Any]] = await self._ask("sensors", deadlines=4)
        except BmcRefused as error:
            if error.status not in _NO_SDR:
                raise
            raise lacking(Capability.SENSORS, where=self.label) from None
        return found

    async def product(self) -> dict[str, str]:
        """FRU 0."""
        found: dict[str, str] = await self._ask("product", deadlines=2)
        return found

    async def log(self) -> list[dict[str, Any]]:
        """The system event log. A read for each record: eight deadlines."""
        found: list[dict[str, Any]] = await self._ask("log", deadlines=8)
        return found

    async def close(self) -> None:
        """Log out and end the worker. Safe to call twice; never raises."""
        async with self._turn:
            worker, self._worker = self._worker, None
            if worker is None:
                return
            if worker.stdin is not None:
                worker.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(LOGOUT_S, self._deadline_s)):
                    await worker.wait()
            await _end(worker)

    async def _ask(self, verb: str, *, deadlines: int = 1, **fields: Any) -> Any:
        async with self._turn:
            worker = await self._opened()
            limit_s = deadlines * self._deadline_s
            told = await self._exchange(worker, {"verb": verb, **fields}, limit_s, verb)
            if "result" not in told:
                if told.get("error") == "gone":
                    await self._drop()
                raise self._failure(verb, told)
            return told["result"]

    async def _opened(self) -> asyncio.subprocess.Process:
        """A worker that is logged in."""
        if self._worker is not None and self._worker.returncode is None:
            return self._worker
        self._worker = worker = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", WORKER),
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=MAX_ANSWER_BYTES,
        )
        opening = {
            "host": self._endpoint.host,
            "port": self._endpoint.port,
            "username": self._credentials.username,
            "password": self._credentials.password.get_secret_value(),
        }
        told = await self._exchange(worker, opening, START_S + self._deadline_s, "log-in")
        if "result" not in told:
            await self._drop()
            raise self._failure("log-in", told)
        self.suite = int(told["result"]["suite"])
        return worker

    async def _exchange(
        self,
        worker: asyncio.subprocess.Process,
        request: dict[str, Any],
        limit_s: float,
        verb: str,
    ) -> dict[str, Any]:
        if worker.stdin is None or worker.stdout is None:
            raise BmcUnreachable(f"{self.label}: the IPMI worker has no pipe")
        try:
            async with asyncio.timeout(limit_s):
                worker.stdin.write(json.dumps(request).encode() + b"\n")
                await worker.stdin.drain()
                line = await worker.stdout.readline()
        except (TimeoutError, ValueError, OSError) as error:
            await self._drop()
            late = isinstance(error, TimeoutError)
            raise self._lost(verb, "deadline passed" if late else "cut off") from None
        except asyncio.CancelledError:
            # Whatever was asked for may be answered later, into the next request.
            await self._drop()
            raise
        if not line:
            await self._drop()
            raise self._lost(verb, "the worker ended")
        told: dict[str, Any] = json.loads(line)
        return told

    async def _drop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await _end(worker)

    def _lost(self, verb: str, reason: str) -> ProvisioningError:
        if verb == "change":
            return Ambiguous(
                f"{self.label}: IPMI: sent, and whether it was done is unknown ({reason})",
                hint="observe the host before anything is repeated",
            )
        return BmcUnreachable(
            f"{self.label}: IPMI {verb}: no answer ({reason})",
            hint="check that the BMC has power, that this address reaches it and that IPMI over "
            "LAN is switched on",
        )

    def _failure(self, verb: str, told: dict[str, Any]) -> ProvisioningError:
        """What the worker could not do, as one of our errors."""
        said = _printable(str(told.get("message", "")))
        match told.get("error"):
            case "login":
                return self._login_failure(said)
            case "gone":
                return BmcUnreachable(
                    f"{self.label}: IPMI: the session had ended; nothing was sent"
                )
            case "lost":
                return self._lost(verb, "no answer")
            case "garbled":
                if verb == "change":
                    return self._lost(verb, f"an answer that cannot be read: {said}")
                return AnswerRefused(f"{self.label}: IPMI {verb}: cannot be read ({said})")
            case _:
                return self._code_failure(verb, int(told.get("code", 0)), said)

    def _login_failure(self, said: str) -> ProvisioningError:
        lowered = said.lower()
        if any(word in lowered for word in ("password", "unauthorized name", "unauthorized role")):
            return CredentialsRefused(
                f"{self.label}: the BMC refused user {_printable(self._credentials.username)!r}",
                status=401,
                hint="correct the account: "
                "podyard host bmc NAME --username USER --password-file FILE",
            )
        if any(word in lowered for word in ("algorithm", "cipher", "ipmi 2.0")):
            return Unsupported(
                f"{self.label}: offers neither cipher suite 17 nor 3 ({said})",
                hint="enable cipher suite 17 at the BMC; suites 0 to 2 are never used",
            )
        if "insufficient resources" in lowered:
            return BmcBusy(f"{self.label}: the BMC has no free IPMI session")
        return BmcUnreachable(
            f"{self.label}: IPMI log-in: {said or 'no answer'}",
            hint="check that the BMC has power, that this address reaches it and that IPMI over "
            "LAN is switched on",
        )

    def _data(self, reply: dict[str, Any], netfn: int, command: int) -> bytes:
        code = int(reply["code"])
        if code:
            raise self._code_failure(f"command {netfn:#04x} {command:#04x}", code, "")
        return bytes(reply["data"])

    def _code_failure(self, what: str, code: int, said: str) -> ProvisioningError:
        message = f"{self.label}: IPMI {what}: completion code {code:#04x}"
        message += f" ({said})" if said else ""
        if code in _BUSY:
            return BmcBusy(message)
        if code in _LACKING:
            return Unsupported(message, hint="this BMC cannot do it over IPMI")
        return BmcRefused(message, status=code, hint="read the BMC's own log")


def _check_lengths(label: str, credentials: Credentials) -> None:
    name = len(credentials.username.encode())
    word = len(credentials.password.get_secret_value().encode())
    if name > USERNAME_BYTES_MAX or word > PASSWORD_BYTES_MAX:
        raise BmcMisconfigured(
            f"{label}: a user name of {name} bytes and a password of {word} do not fit into IPMI, "
            f"which has room for {USERNAME_BYTES_MAX} and {PASSWORD_BYTES_MAX}",
            hint="give this BMC an account of its own for IPMI",
        )


async def _end(worker: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        worker.kill()
    await worker.wait()


def _printable(said: str) -> str:
    return "".join(c if c.isprintable() else " " for c in said)[:200]
