"""Only a machine's own fixed disks are erased or written to."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.localdisks import local_disks, unplaced_disks


def disk(system: Path, name: str, behind: str, **said: str) -> None:
    """An entry of /sys/block whose device lies where the kernel puts it."""
    device = system / "devices" / behind
    device.mkdir(parents=True)
    entry = system / "block" / name
    entry.mkdir(parents=True)
    (entry / "device").symlink_to(device)
    for key, value in {"size": "2048", "removable": "0", "ro": "0", **said}.items():
        (device if key == "transport" else entry).joinpath(key).write_text(value)


@pytest.mark.parametrize(
    ("name", "behind", "said"),
    [
        ("sda", "pci0/ata1/host0/target0:0:0/0:0:0:0", {}),
        ("sda", "pci0/host0/port-0:0/end_device-0:0/target0:0:0/0:0:0:0", {}),
        ("vda", "pci0/virtio1", {}),
        ("nvme0n1", "pci0/nvme/nvme0", {"transport": "pcie"}),
    ],
)
def test_disk_inside_the_machine_is_its_own(
    tmp_path: Path, name: str, behind: str, said: dict[str, str]
) -> None:
    disk(tmp_path, name, behind, **said)
    assert [one.name for one in local_disks(tmp_path / "block")] == [name]
    assert unplaced_disks(tmp_path / "block") == ()


@pytest.mark.parametrize(
    ("name", "behind", "said"),
    [
        ("sda", "platform/host5/session1/target5:0:0/5:0:0:0", {}),
        ("sda", "pci0/host1/rport-1:0-2/target1:0:0/1:0:0:0", {}),
        ("sda", "pci0/usb1/1-1/host6/target6:0:0/6:0:0:0", {}),
        ("nvme0n1", "virtual/nvme-fabrics/ctl/nvme0", {}),
        ("nvme0n1", "somewhere/nvme0", {"transport": "tcp"}),
        ("sda", "pci0/ata1", {"removable": "1"}),
        ("sda", "pci0/ata1", {"ro": "1"}),
        ("nvme0c0n1", "pci0/nvme0", {"hidden": "1"}),
        ("rbd0", "rbd/0", {}),
    ],
)
def test_disk_of_a_network_and_one_that_is_plugged_in_are_left_alone(
    tmp_path: Path, name: str, behind: str, said: dict[str, str]
) -> None:
    disk(tmp_path, name, behind, **said)
    assert local_disks(tmp_path / "block") == ()
    assert unplaced_disks(tmp_path / "block") == ()


@pytest.mark.parametrize(
    ("name", "behind"),
    [("sda", "platform/host5/target5:0:0/5:0:0:0"), ("nvme0n1", "pci0/nvme/nvme0"), ("xda", "new")],
)
def test_disk_that_hangs_on_nothing_known_is_nobodys_to_erase_and_is_told_of(
    tmp_path: Path, name: str, behind: str
) -> None:
    disk(tmp_path, name, behind)
    assert local_disks(tmp_path / "block") == ()
    assert [one.name for one in unplaced_disks(tmp_path / "block")] == [name]
