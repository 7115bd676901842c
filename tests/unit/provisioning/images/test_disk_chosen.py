"""Which disk an image goes to, and when nobody can say."""

from __future__ import annotations

import pytest

from provisioning.images.deploying import GIB, Disk, choose_disk
from provisioning.images.errors import TargetRefused


def test_of_two_alike_the_serial_decides_whatever_the_kernel_calls_them() -> None:
    first, second = Disk("nvme1n1", 480 * GIB, "A"), Disk("nvme0n1", 480 * GIB, "B")
    assert choose_disk((second, first), needed_bytes=1, disk_gib=480) == first


@pytest.mark.parametrize("serials", [("", ""), ("A", ""), ("A", "A")])
def test_two_alike_that_no_serial_tells_apart_are_refused_by_name(serials: tuple[str, str]) -> None:
    disks = [Disk(name, 480 * GIB, one) for name, one in zip(("sda", "sdb"), serials, strict=True)]
    with pytest.raises(TargetRefused, match=r"/dev/sda .*, /dev/sdb"):
        choose_disk(disks, needed_bytes=1, disk_gib=480)
