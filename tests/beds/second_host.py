"""A second host on this machine: an overlay of its file system in namespaces, with a real sshd.

What is changed there stays there. Its kernel parameters, firmware tables and services stand in for
a host's own, since a namespace shares the machine's kernel and has no systemd: `/proc/sys` and
`/sys` are folders, and `systemctl` is a script that keeps its units' state in files and starts what
a unit says. Its pid 1 is called systemd, as Ansible looks for. Root alone can make it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.contract.bmc.bed import free_port, listens, process, wait_for

SSHD = Path("/usr/sbin/sshd")
SERIAL, UUID = "SN-SECOND-1", "4c4c4544-0043-4810-8052-b9c04f575632"
TABLES = {
    "product_serial": SERIAL,
    "product_uuid": UUID.upper(),
    "sys_vendor": "Podyard",
    "product_name": "Lab Host 1",
    "bios_version": "2.7",
}
PARAMETERS = {
    "fs/file-max": "100000",
    "kernel/random/boot_id": "5b0f2c5c-6a3e-4d7b-9b57-5f0c1f6f9a10",
    "net/core/somaxconn": "128",
    "net/ipv4/conf/all/arp_announce": "0",
    "net/ipv4/conf/all/arp_ignore": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "vm/max_map_count": "65530",
    "vm/nr_hugepages": "0",
    "vm/swappiness": "60",
}
INIT = """#!/bin/sh
set -e
m={folder}/merged
mount -t overlay overlay -o lowerdir=/,upperdir={folder}/upper,workdir={folder}/work $m
mount -t proc proc $m/proc
mount --bind {folder}/parameters $m/proc/sys
mount --bind {folder}/sys $m/sys
mount --rbind /dev $m/dev
mount -t tmpfs tmpfs $m/run
mount --bind {folder}/podyard $m/run/podyard 2>/dev/null || {{
  mkdir $m/run/podyard; mount --bind {folder}/podyard $m/run/podyard; }}
mkdir -p $m/run/sshd $m/run/systemd/system
hostname second-1
chroot $m /usr/sbin/sshd -D -e -f {folder}/sshd_config &
wait
"""
SYSTEMCTL = """#!/bin/sh
# Units' state in files: what `ansible.builtin.systemd_service` asks for, and no more.
state=/var/lib/stub-systemctl; mkdir -p $state
verb=$1; unit=${2%.service}
file=/etc/systemd/system/$unit.service; [ -f $file ] || file=/lib/systemd/system/$unit.service
case $verb in
  show)
    [ -f $file ] && load=loaded || load=not-found
    active=inactive
    [ -s $state/$unit.pid ] && kill -0 $(cat $state/$unit.pid) 2>/dev/null && active=active
    enabled=disabled; [ -f $state/$unit.enabled ] && enabled=enabled
    printf 'Id=%s.service\\nLoadState=%s\\nActiveState=%s\\nUnitFileState=%s\\n' \\
      $unit $load $active $enabled ;;
  is-enabled) [ -f $state/$unit.enabled ] && echo enabled || { echo disabled; exit 1; } ;;
  is-active) echo inactive; exit 3 ;;
  enable) [ -f $file ] && touch $state/$unit.enabled ;;
  start|restart)
    [ -f $file ] || exit 5
    echo "$verb $unit" >> $state/log
    [ -s $state/$unit.pid ] && kill $(cat $state/$unit.pid) 2>/dev/null
    env=$(sed -n 's/^Environment=//p' $file | tr '\\n' ' ')
    run=$(sed -n 's/^ExecStart=//p' $file)
    env $env setsid $run >> $state/$unit.log 2>&1 < /dev/null &
    echo $! > $state/$unit.pid ;;
  daemon-reload|--version|is-system-running|list-unit-files) : ;;
  *) exit 1 ;;
esac
"""


@dataclass(frozen=True)
class SecondHost:
    """Where it is, and how to get in."""

    folder: Path
    port: int
    fingerprint: str
    key: str
    pid: int
    """Of its pid 1, as this machine numbers it."""

    @property
    def address(self) -> str:
        """As a record has it."""
        return f"ssh://127.0.0.1:{self.port}"

    def file(self, path: str) -> Path:
        """One of its files, as it sees it."""
        return Path(f"/proc/{self.pid}/root{self.folder}/merged") / path.lstrip("/")

    def parameter(self, name: str) -> str:
        """What its kernel would have."""
        return (self.folder / "parameters" / name.replace(".", "/")).read_text().strip()

    def bring(self, path: str, content: str, *, mode: int = 0o644) -> None:
        """Put a file there."""
        put(self.file(path), content, mode=mode)


def put(path: Path, content: str, *, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)


def missing() -> str:
    """Why there can be none here; empty when there can."""
    if os.geteuid() != 0:
        return "needs root"
    for program in (str(SSHD), "ssh-keygen", "ssh-keyscan", "unshare", "chroot"):
        if shutil.which(program) is None:
            return f"needs {program}"
    return ""


def make_key(path: Path) -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True
    )
    return path


@contextmanager
def second_host(folder: Path) -> Iterator[SecondHost]:
    """One that runs, until the block ends."""
    for name in ("upper", "work", "merged", "parameters", "sys", "podyard"):
        (folder / name).mkdir(parents=True)
    for name, value in PARAMETERS.items():
        put(folder / "parameters" / name, f"{value}\n")
    for name, value in TABLES.items():
        put(folder / "sys/class/dmi/id" / name, f"{value}\n")
    host_key, user_key = make_key(folder / "host"), make_key(folder / "user")
    port = free_port()
    put(
        folder / "sshd_config",
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {host_key}\n"
        f"AuthorizedKeysFile {user_key}.pub\nPidFile none\nUsePAM no\nStrictModes no\n"
        "PermitRootLogin yes\nPasswordAuthentication no\nMaxStartups 50\n",
    )
    put(folder / "upper/usr/bin/systemctl", SYSTEMCTL, mode=0o755)
    # Folders of tests are root's alone, and apt would read as somebody else.
    put(folder / "upper/etc/apt/apt.conf.d/90root", 'APT::Sandbox::User "root";\n')
    # Ansible takes the name of pid 1 for that of the service manager.
    put(folder / "systemd", INIT.format(folder=folder), mode=0o755)
    public = (folder / "host.pub").read_text().split()[1]
    pin = f"sha256:{hashlib.sha256(base64.b64decode(public)).hexdigest()}"
    argv = ["unshare", "-m", "-u", "-p", "-f", "--kill-child", str(folder / "systemd")]
    log = folder / "sshd.log"
    with process(argv, log) as running:
        wait_for(lambda: listens(port), running, log)
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        pid = int(children.read_text().split()[0])
        try:
            yield SecondHost(folder, port, pin, user_key.read_text(), pid)
        finally:
            os.kill(pid, signal.SIGKILL)  # its pid 1: everything there goes with it
