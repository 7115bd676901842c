"""The beds that speak IPMI: OpenIPMI's simulator, and pyghmi's own BMC."""

from __future__ import annotations

import shutil
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.bmc.bed import Bed, free_port, process, wait_for
from tests.contract.bmc.declared import IPMI_SIM, PYGHMI
from tests.contract.bmc.ipmi_records import fru_bytes, hexadecimal, temperature_sdr

UUID = "674523a1-ab89-efcd-a123-456789abcdef"
GUID = "a123456789abcdefa123456789abcdef"
"""The same as IPMI sends it: the first three groups little-endian."""
SERIAL = "SIM-0042"
CELSIUS = 37
BOOTED_AT = 1_760_000_000

_CONTROL = """#!/bin/sh
# Called as: get NAME … or set NAME VALUE …; keeps each value in a file, and counts power changes.
cd {folder}
while [ $# -gt 0 ]; do
  case "$1" in
    get) [ -e "$2" ] || echo {{"power":0}} > /dev/null
         case "$2" in power) echo "power:$(cat power 2>/dev/null || echo 0)";;
                      boot) echo "boot:$(cat boot 2>/dev/null || echo none)";; esac; shift 2;;
    set) case "$2" in
           power) [ "$3" = 1 ] && what=power.on || what=power.off
                  printf '{{"host": "", "what": "%s"}}\\n' $what >> journal.jsonl
                  echo "$3" > power;;
           shutdown) printf '{{"host": "", "what": "power.off"}}\\n' >> journal.jsonl
                     echo 0 > power;;
           boot) echo "$3" > boot;; esac; shift 3;;
    *) shift;;
  esac
done
"""


@contextmanager
def ipmi_sim_bed(folder: Path) -> Iterator[Bed]:
    """OpenIPMI's `ipmi_sim`, with a FRU, a sensor and two lines in its log."""
    program = shutil.which("ipmi_sim")
    if program is None:
        pytest.skip("ipmi_sim is missing: install Debian's openipmi")
    (folder / "state").mkdir()
    port = free_port(socket.SOCK_DGRAM)
    control = folder / "control"
    control.write_text(_CONTROL.format(folder=folder))
    control.chmod(control.stat().st_mode | stat.S_IXUSR)
    (folder / "lan.conf").write_text(
        'name "podyard"\n'
        "set_working_mc 0x20\n"
        "startlan 1\n"
        f"  addr 127.0.0.1 {port}\n"
        "  priv_limit admin\n"
        "  allowed_auths_admin none md2 md5 straight\n"
        "  allowed_auths_operator none md2 md5 straight\n"
        "  allowed_auths_user none md2 md5 straight\n"
        "  allowed_auths_callback none md2 md5 straight\n"
        f"  guid {GUID}\n"
        "endlan\n"
        f'chassis_control "{control}"\n'
        'user 2 true "admin" "ipmi-password" admin 10 none md2 md5 straight\n'
    )
    fru = fru_bytes(manufacturer="Podyard", product="Test Host", serial=SERIAL)
    event = "20 00 04 01 01 01 57 5a 5a"
    at = hexadecimal(BOOTED_AT.to_bytes(4, "little"))
    (folder / "bmc.emu").write_text(
        "mc_setbmc 0x20\n"
        "mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\n"
        "sel_enable 0x20 1000 0x0a\n"
        f"sel_add 0x20 2 {_prefixed(at)} {_prefixed(event)}\n"
        f"sel_add 0x20 2 {_prefixed(at)} {_prefixed(event)}\n"
        f"mc_add_fru_data 0x20 0 {len(fru)} data {_prefixed(hexadecimal(fru))}\n"
        "sensor_add 0x20 0 1 1 1\n"
        f"sensor_set_value 0x20 0 1 {CELSIUS:#04x} 0\n"
        "sensor_set_event_support 0x20 0 1 enable scanning per-state "
        "000000000000000 000000000000000 000000000000000 000000000000000\n"
        f"main_sdr_add 0x20 {_prefixed(hexadecimal(temperature_sdr(number=1, name='CPU Temp')))}\n"
        "mc_enable 0x20\n"
    )
    command = [
        *(program, "-c", str(folder / "lan.conf"), "-f", str(folder / "bmc.emu")),
        *("-s", str(folder / "state"), "-n"),
    ]
    log = folder / "ipmi_sim.log"
    with process(command, log) as running:
        wait_for(lambda: _taken(port), running, log)
        # It binds its port before it has read the commands.
        time.sleep(1)
        yield Bed(
            declaration=IPMI_SIM,
            address=f"ipmi://127.0.0.1:{port}",
            username="admin",
            password="ipmi-password",
            uuid=UUID,
            serial=SERIAL,
            journal=folder / "journal.jsonl",
        )


@contextmanager
def pyghmi_bed(folder: Path) -> Iterator[Bed]:
    """Pyghmi's BMC class, which keeps power and a boot device."""
    port = free_port(socket.SOCK_DGRAM)
    journal = folder / "journal.jsonl"
    command = [
        *(sys.executable, "-m", "tests.contract.bmc.pyghmi_bmc"),
        *(str(port), UUID, str(journal)),
    ]
    log = folder / "pyghmi.log"
    with process(command, log) as running:
        wait_for(lambda: "listening" in log.read_text(), running, log)
        yield Bed(
            declaration=PYGHMI,
            address=f"ipmi://127.0.0.1:{port}",
            username="admin",
            password="ipmi-password",
            uuid=UUID,
            journal=journal,
        )


def _taken(port: int) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


def _prefixed(spaced: str) -> str:
    return " ".join(f"0x{byte}" for byte in spaced.split())
