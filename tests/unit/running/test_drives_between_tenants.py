"""Drives between tenants: what they say, how they are erased in band, and which are refused.

The outputs are nvme-cli's and hdparm's as they print them: `nvme sanitize-log` before, in and after
a block erase, `nvme id-ctrl`, and the security section of `hdparm -I`. None is of a drive of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pods.erasing import EraseMethod
from runtime.drives.choosing import ERASE_PASSWORD, Erase, Known, Refusal, choose
from runtime.drives.reading import Machine, read_all
from runtime.drives.telling import ata_security, sanitize_abilities, sanitize_log

LOG = """Sanitize Progress                      (SPROG) :  {progress}
Sanitize Status                        (SSTAT) :  {status}
Sanitize Command Dword 10 Information (SCDW10) :  0x2
Estimated Time For Overwrite                   :  4294967295 (No time period reported)
"""
NEVER = LOG.format(progress=65535, status="0")
UNDER_WAY = LOG.format(progress="23297 (35.548401%)", status="0x2")
DONE = LOG.format(progress=65535, status="0x101")
WRITTEN_SINCE = LOG.format(progress=65535, status="0x1")
CONTROLLER = "vid       : 0x144d\nsn        : S1\nsanicap   : 0xa0000002\nhmminds   : 0\n"
SECURITY = """ATA device, with non-removable media
\tSerial Number:      WD-1
Security:
\tMaster password revision code = 65534
\t\tsupported
\tnot\tenabled
\tnot\tlocked
\t{frozen}frozen
\tnot\texpired: security count
\t\tsupported: enhanced erase
\t56min for SECURITY ERASE UNIT. 56min for ENHANCED SECURITY ERASE UNIT.
Logical Unit WWN Device Identifier: 5000000000000000
"""
ALL: tuple[EraseMethod, ...] = ("crypto", "block", "overwrite")


def test_log_tells_completed_from_erased_since() -> None:
    done, since = sanitize_log(DONE), sanitize_log(WRITTEN_SINCE)
    assert done is not None
    assert (done.completed, done.globally_erased) == (True, True)
    assert since is not None
    assert (since.completed, since.globally_erased) == (True, False)
    running = sanitize_log(UNDER_WAY)
    assert running is not None
    assert (running.running, running.percent, running.completed) == (True, 35, False)


def test_log_is_read_from_json_of_either_shape() -> None:
    flat = sanitize_log('{"sprog": 65535, "sstat": 257}')
    nested = sanitize_log('{"nvme0n1": {"sprog": 65535, "sstat": "0x101"}}')
    assert flat == nested == sanitize_log(DONE)


@pytest.mark.parametrize("said", ["", "nvme: command not found", "{}", '{"sprog": 1}', "[]", "7"])
def test_what_says_nothing_is_unknown_and_never_zero(said: str) -> None:
    assert sanitize_log(said) is None
    assert sanitize_abilities(said) is None
    assert ata_security(said) is None


def test_drive_is_erased_by_the_first_method_that_it_can() -> None:
    drive = Known("nvme0n1", "S1", "nvme", sanicap=sanitize_abilities(CONTROLLER))
    assert choose(drive, ALL) == Erase(
        "block", (("nvme", "sanitize", "/dev/nvme0n1", "--sanact=2"),)
    )
    assert choose(drive, ("crypto",)) == Refusal("nvme0n1 can do none of crypto")


def test_sata_drive_is_erased_by_its_security_commands_unless_frozen() -> None:
    free = Known("sda", "W", "ata", security=ata_security(SECURITY.format(frozen="not\t")))
    chosen = choose(free, ("block",))
    assert isinstance(chosen, Erase)
    assert [command[-3] for command in chosen.commands] == [
        "--security-set-pass",
        "--security-erase-enhanced",
    ]
    frozen = Known("sda", "W", "ata", security=ata_security(SECURITY.format(frozen="\t")))
    assert choose(frozen, ("block",)) == Refusal(
        "sda can do none of block: its firmware froze its security settings; "
        "power it off and on without them"
    )
    assert choose(frozen, ALL) == Erase("overwrite")


def test_drive_in_use_is_refused_whatever_it_can() -> None:
    drive = Known("nvme0n1", "S1", "nvme", in_use="/dev/nvme0n1p2 is mounted", sanicap=7)
    assert choose(drive, ALL) == Refusal("nvme0n1 is in use: /dev/nvme0n1p2 is mounted")


@dataclass
class Ata:
    """The security of one SATA drive, as its own standard has it."""

    password: str = ""
    locked: bool = False
    erases: bool = True

    def said(self) -> str:
        enabled, locked = ("\t" if one else "not\t" for one in (self.password, self.locked))
        return (
            SECURITY.format(frozen="not\t")
            .replace("\tnot\tenabled", f"\t{enabled}enabled")
            .replace("\tnot\tlocked", f"\t{locked}locked")
        )

    def take(self, command: tuple[str, ...], content: Path) -> None:
        what, password = command
        if what == "--security-set-pass" and not self.locked:
            self.password = password
        elif password != self.password:
            return
        elif what == "--security-unlock":
            self.locked = False
        elif what == "--security-disable" and not self.locked:
            self.password = ""
        elif what.startswith("--security-erase") and self.erases:
            content.write_bytes(bytes(content.stat().st_size))
            self.password, self.locked = "", False


@dataclass
class Drives:
    """A host with drives that are files; what was asked of them is kept."""

    system: Path
    logs: dict[str, list[str]]
    lying: bool = False
    ata: Ata | None = None
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, name: str, serial: str, content: bytes, *, on: str = "pci0") -> None:
        entry = self.system / "sys/block" / name
        device = self.system / "sys/devices" / on / name
        for folder in (entry, device):
            folder.mkdir(parents=True)
        (entry / "device").symlink_to(device)
        if name.startswith("nvme"):
            (device / "transport").write_text("pcie")
        (entry / "size").write_text(str(len(content) // 512))
        (entry / "device/serial").write_text(serial)
        (self.system / "dev").mkdir(exist_ok=True)
        (self.system / "dev" / name).write_bytes(content)

    def run(self, argv: Sequence[str], _deadline_s: float) -> str:
        command = tuple(argv)
        device = next((part for part in command if part.startswith("/dev/")), "")
        if command[:2] == ("nvme", "id-ctrl"):
            return CONTROLLER
        if command[:2] == ("hdparm", "-I") and self.ata is not None:
            return self.ata.said()
        if command[0] == "hdparm" and self.ata is not None:
            self.asked.append(command)
            self.ata.take(command[3:-1], self.system / device.lstrip("/"))
            return ""
        if command[:2] == ("nvme", "sanitize-log"):
            said = self.logs[device]
            return said.pop(0) if len(said) > 1 else said[0]
        self.asked.append(command)
        if command[:2] == ("nvme", "sanitize"):
            self.logs[device] = [UNDER_WAY, UNDER_WAY, DONE]
            path = self.system / device.lstrip("/")
            if not self.lying:
                path.write_bytes(bytes(path.stat().st_size))
        return ""

    def machine(self) -> Machine:
        return Machine(system=self.system, run=self.run, sleep=lambda _s: None)


def drives(tmp_path: Path, *, log: str = NEVER, lying: bool = False) -> Drives:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mounts").write_text("/dev/sdb1 / ext4 rw 0 0\n")
    found = Drives(tmp_path, {"/dev/nvme0n1": [log]}, lying=lying)
    found.add("nvme0n1", "S1", b"a tenant's words" * 65536)
    return found


def test_drive_is_erased_waited_for_and_read_again(tmp_path: Path) -> None:
    there, said = drives(tmp_path), list[str]()
    (read,) = read_all(there.machine(), ALL, said.append)
    assert there.asked == [("nvme", "sanitize", "/dev/nvme0n1", "--sanact=2")]
    assert read.doubts() == ()
    assert (read.method, read.sampled, read.holding) == ("block", 256, 0)
    assert "(SSTAT) : 0x101" in read.log
    assert "nvme0n1 erases itself: 35 %" in said


def test_drive_that_is_proven_is_not_asked_again(tmp_path: Path) -> None:
    there = drives(tmp_path, log=DONE)
    (tmp_path / "dev/nvme0n1").write_bytes(bytes(1 << 20))
    (read,) = read_all(there.machine(), ALL, lambda _said: None)
    assert there.asked == []
    assert read.doubts() == ()


def test_drive_that_lied_is_refused_and_not_asked_again(tmp_path: Path) -> None:
    there = drives(tmp_path, log=DONE)
    (read,) = read_all(there.machine(), ALL, lambda _said: None)
    assert there.asked == []
    assert "256 of 256 blocks read hold data" in read.doubts()


def test_drive_that_a_tenant_wrote_to_after_its_erase_is_erased_again(tmp_path: Path) -> None:
    there = drives(tmp_path, log=WRITTEN_SINCE)
    (read,) = read_all(there.machine(), ALL, lambda _said: None)
    assert len(there.asked) == 1
    assert read.doubts() == ()


def test_drive_that_lies_about_our_erase_is_not_proven(tmp_path: Path) -> None:
    there = drives(tmp_path, lying=True)
    (read,) = read_all(there.machine(), ALL, lambda _said: None)
    assert len(there.asked) == 1
    assert "256 of 256 blocks read hold data" in read.doubts()


def test_sanitize_of_an_earlier_life_is_waited_for_and_not_begun_again(tmp_path: Path) -> None:
    there = drives(tmp_path)
    there.logs["/dev/nvme0n1"] = [UNDER_WAY, DONE]
    (tmp_path / "dev/nvme0n1").write_bytes(bytes(1 << 20))
    (read,) = read_all(there.machine(), ALL, lambda _said: None)
    assert there.asked == []
    assert read.doubts() == ()


def test_plain_drive_is_written_over_to_its_last_byte(tmp_path: Path) -> None:
    there = drives(tmp_path)
    there.add("vda", "V1", b"\x5a\x01" * (3 * 1024 * 1024 + 512))
    found = {read.slot: read for read in read_all(there.machine(), ("overwrite",), print)}
    assert found["vda"].doubts() == ()
    assert (found["vda"].method, found["vda"].overwritten) == ("overwrite", True)
    assert not any((tmp_path / "dev/vda").read_bytes())


def test_mounted_drive_keeps_what_it_holds_and_fails_no_other(tmp_path: Path) -> None:
    there = drives(tmp_path)
    there.add("sdb", "B1", b"the host itself!" * 4096)
    (tmp_path / "sys/block/sdb/sdb1").mkdir()
    found = {read.slot: read for read in read_all(there.machine(), ALL, lambda _said: None)}
    assert found["sdb"].refused == "sdb is in use: /dev/sdb1 is mounted"
    assert b"the host itself!" in (tmp_path / "dev/sdb").read_bytes()
    assert found["nvme0n1"].doubts() == ()


def test_nothing_is_erased_where_nothing_is_asked_for(tmp_path: Path) -> None:
    there = drives(tmp_path)
    (read,) = read_all(there.machine(), (), lambda _said: None)
    assert there.asked == []
    assert read.holding == 256


def test_namespace_in_use_keeps_the_whole_drive_from_being_sanitized(tmp_path: Path) -> None:
    there = drives(tmp_path)
    there.add("nvme0n2", "S1", b"what is running!" * 4096)
    there.logs["/dev/nvme0n2"] = [NEVER]
    (tmp_path / "proc/self/mounts").write_text("/dev/nvme0n2 / ext4 rw 0 0\n")
    found = {read.slot: read for read in read_all(there.machine(), ("block",), print)}
    assert there.asked == []
    assert found["nvme0n1"].refused == "nvme0n1 is in use: /dev/nvme0n2 is mounted"


def test_hidden_path_to_a_drive_is_no_drive(tmp_path: Path) -> None:
    there = drives(tmp_path)
    there.add("nvme0c0n1", "S1", b"")
    (tmp_path / "sys/block/nvme0c0n1/size").write_text("2048")
    (tmp_path / "sys/block/nvme0c0n1/hidden").write_text("1")
    assert there.machine().names() == ("nvme0n1",)


def sata(tmp_path: Path, **ata: object) -> Drives:
    """A host with one SATA drive."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mounts").write_text("")
    found = Drives(tmp_path, {}, ata=Ata(**ata))  # type: ignore[arg-type]  # its own fields
    found.add("sda", "WD-1", b"a tenant's words" * 65536)
    return found


def test_erase_that_leaves_no_log_is_followed_by_the_method_that_proves_it(tmp_path: Path) -> None:
    there = sata(tmp_path)
    (read,) = read_all(there.machine(), ALL, lambda _said: None)
    assert any("--security-erase-enhanced" in command for command in there.asked)
    assert (read.method, read.overwritten, read.doubts()) == ("overwrite", True, ())


def test_security_erase_that_fails_leaves_no_password_and_the_next_method_is_tried(
    tmp_path: Path,
) -> None:
    there = sata(tmp_path, erases=False)
    (read,) = read_all(there.machine(), ALL, lambda _said: None)
    assert there.ata is not None
    assert there.ata.password == ""
    assert (read.method, read.doubts()) == ("overwrite", ())
    alone = sata(tmp_path / "alone", erases=False)
    (left,) = read_all(alone.machine(), ("block",), lambda _said: None)
    assert "its security erase did not come to its end" in left.doubts()


def test_drive_that_an_erase_of_ours_left_locked_is_unlocked_and_erased(tmp_path: Path) -> None:
    there = sata(tmp_path, password=ERASE_PASSWORD, locked=True)
    (read,) = read_all(there.machine(), ALL, lambda _said: None)
    assert there.ata == Ata()
    assert read.doubts() == ()


def test_drive_that_somebody_else_locked_is_tried_once_and_refused(tmp_path: Path) -> None:
    there = sata(tmp_path, password="a tenant's", locked=True)
    (read,) = read_all(there.machine(), ALL, lambda _said: None)
    assert read.refused == "sda is locked by a password that podyard does not know"
    assert sum("--security-unlock" in command for command in there.asked) == 1
    assert b"a tenant's words" in (tmp_path / "dev/sda").read_bytes()


def test_disk_of_an_unknown_place_is_told_of_and_never_written(tmp_path: Path) -> None:
    there = drives(tmp_path)
    there.add("vda", "LUN-7", b"others' volume!!" * 4096, on="platform/host5")
    found = {read.slot: read for read in read_all(there.machine(), ALL, lambda _said: None)}
    assert found["vda"].refused == (
        "vda hangs on nothing that is known to be inside the machine: left as it is"
    )
    assert b"others' volume!!" in (tmp_path / "dev/vda").read_bytes()
    assert found["nvme0n1"].doubts() == ()
