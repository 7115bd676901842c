"""A BMC made of pyghmi's own class: `python -m tests.contract.bmc.pyghmi_bmc PORT UUID JOURNAL`."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any

from pyghmi.ipmi import bmc


class KeptBmc(bmc.Bmc):  # type: ignore[misc]
    """Keeps power and boot device, and writes down each change of power."""

    def __init__(self, *, journal: Path, identity: uuid.UUID, **options: Any) -> None:
        super().__init__({"admin": "ipmi-password"}, bmcuuid=identity, **options)
        self._identity = identity
        self._journal = journal
        self._power = "off"
        self._boot: Any = "default"

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


def main(port: str, identity: str, journal: str) -> None:
    """Listen for ever, on loopback."""
    served = KeptBmc(
        journal=Path(journal), identity=uuid.UUID(identity), port=int(port), address="127.0.0.1"
    )
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    served.listen()


if __name__ == "__main__":
    main(*sys.argv[1:])
