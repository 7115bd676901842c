"""A BMC made of pyghmi's own class: `python -m tests.contract.bmc.pyghmi_bmc PORT UUID JOURNAL`.

`KIND` after these makes it a bad one: `weak` agrees to no cipher at all, `older` knows IPMI 1.5
alone, `open` lets anybody use cipher suite 0 until that is closed.
"""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any

from pyghmi.ipmi import bmc
from pyghmi.ipmi.private import serversession

LAN, GET, SET = 0x0C, 0x02, 0x01
NO_ALGORITHMS = bytes([0, 0, 0, 8, 0, 0, 0, 0, 1, 0, 0, 8, 0, 0, 0, 0, 2, 0, 0, 8, 0, 0, 0, 0])


class WeakSession(serversession.ServerSession):  # type: ignore[misc]
    """Whatever is asked for, it agrees to nothing."""

    def create_open_session_response(self, request: bytes) -> bytes:
        honest: bytes = super().create_open_session_response(request)
        return bytes(honest[:12]) + NO_ALGORITHMS


class KeptBmc(bmc.Bmc):  # type: ignore[misc]
    """Keeps power and boot device, and writes down each change of power."""

    def __init__(self, *, journal: Path, identity: uuid.UUID, **options: Any) -> None:
        super().__init__({"admin": "ipmi-password"}, bmcuuid=identity, **options)
        self._identity = identity
        self._journal = journal
        self._power = "off"
        self._boot: Any = "default"
        self._suites = (0, 3, 17)
        self._privileges = bytearray([0x44, 0x04, 0, 0, 0, 0, 0, 0])

    def handle_raw_request(self, request: Any, session: Any) -> Any:
        """The LAN channel's cipher suites, which the class does not have."""
        if request["netfn"] != LAN:
            return super().handle_raw_request(request, session)
        number = request["data"][1]
        if request["command"] == SET and number == 24:
            self._privileges = bytearray(request["data"][3:])
            return session.send_ipmi_response()
        known = {
            22: bytes([len(self._suites)]),
            23: bytes([0, *self._suites]),
            24: bytes([0, *self._privileges]),
        }
        if request["command"] != GET or number not in known:
            return session.send_ipmi_response(code=0x80)
        return session.send_ipmi_response(data=[0x11, *known[number]])

    def get_system_guid(self) -> uuid.UUID:
        return self._identity

    def get_power_state(self) -> str:
        return self._power

    def power_on(self) -> None:
        self._change("on")

    def power_off(self) -> None:
        self._change("off")

    def get_boot_device(self) -> Any:
        return self._boot

    def set_boot_device(self, bootdevice: Any) -> None:
        self._boot = bootdevice

    def _change(self, power: str) -> None:
        self._power = power
        with self._journal.open("a") as journal:
            journal.write(json.dumps({"host": "", "what": f"power.{power}"}) + "\n")


class ClosedBmc(KeptBmc):
    """As the class has it: no LAN configuration."""

    def handle_raw_request(self, request: Any, session: Any) -> Any:
        return bmc.Bmc.handle_raw_request(self, request, session)


def main(port: str, identity: str, journal: str, kind: str = "") -> None:
    """Listen for ever, on loopback."""
    if kind == "weak":
        serversession.ServerSession = WeakSession
    made = KeptBmc if kind == "open" else ClosedBmc
    served = made(
        journal=Path(journal), identity=uuid.UUID(identity), port=int(port), address="127.0.0.1"
    )
    if kind == "older":
        capable = bytearray(served.authcap)
        capable[2:5] = bytes([0b00000100, 0b00000100, 0b00000001])  # MD5, and IPMI 1.5 alone
        served.authcap = bytes(capable)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    served.listen()


if __name__ == "__main__":
    main(*sys.argv[1:])
