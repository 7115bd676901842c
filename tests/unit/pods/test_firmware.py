"""What a bring-up flashes and sets, and the images it may flash from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pods.errors import ImageRefused
from pods.firmware import bios_differences, firmware_behind, image_bytes, lab_image_header
from pods.spec import FirmwareItem, PodSpec


def test_only_older_components_are_behind(lab: PodSpec) -> None:
    bios, bmc = lab.firmware["lab-cpu"]
    items = (bios, bmc)
    assert firmware_behind(items, {"BIOS": "2.4.1", "BMC": "1.7.9"}) == (bmc,)
    assert firmware_behind(items, {"BIOS": "2.3.9", "BMC": "1.7.9"}) == items
    assert firmware_behind(items, {"BIOS": "2.5.0", "BMC": "1.8.0"}) == ()


def test_what_is_not_reported_or_not_comparable_is_never_flashed(lab: PodSpec) -> None:
    items = lab.firmware["lab-cpu"]
    assert firmware_behind(items, {}) == ()
    assert firmware_behind(items, {"BIOS": "unknown", "BMC": ""}) == ()


def test_bios_differences_keep_the_profiles_order_and_its_types() -> None:
    profile: dict[str, str | int | bool] = {"B": "x", "A": True, "C": 1, "D": "y"}
    found = bios_differences(profile, {"A": 1, "B": "z", "C": True, "D": "y", "E": "extra"})
    assert [(one.attribute, one.wanted, one.found) for one in found] == [
        ("B", "x", "z"),
        ("A", True, 1),
        ("C", 1, True),
    ]


def test_an_absent_bios_attribute_is_a_difference() -> None:
    (difference,) = bios_differences({"BootMode": "Uefi"}, {})
    assert difference.found is None


def test_every_image_of_the_lab_is_shipped_and_says_what_the_spec_says(lab: PodSpec) -> None:
    for item in lab.firmware["lab-cpu"]:
        assert lab_image_header(image_bytes(item)) == (item.component, item.version)


def test_an_image_with_another_digest_is_refused(lab: PodSpec, tmp_path: Path) -> None:
    item = lab.firmware["lab-cpu"][0]
    (tmp_path / item.image).write_bytes(image_bytes(item) + b" ")
    with pytest.raises(ImageRefused, match="has sha256") as caught:
        image_bytes(item, images=tmp_path)
    assert caught.value.hint


def test_a_missing_image_is_refused(lab: PodSpec, tmp_path: Path) -> None:
    with pytest.raises(ImageRefused, match="cannot be read"):
        image_bytes(lab.firmware["lab-cpu"][0], images=tmp_path)


def test_an_image_of_ones_own_is_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "x.fw").write_bytes(b"mine")
    sha256 = hashlib.sha256(b"mine").hexdigest()
    item = FirmwareItem(component="BIOS", version="1", image="x.fw", sha256=sha256)
    assert image_bytes(item, images=tmp_path) == b"mine"


@pytest.mark.parametrize(
    "content",
    [b"", b"MZ\x90\x00", b"PODYARD-LAB-FIRMWARE component=BIOS\n", b"component=A version=1\n"],
)
def test_a_file_that_is_no_lab_image_is_refused(content: bytes) -> None:
    with pytest.raises(ImageRefused, match="not a lab firmware image"):
        lab_image_header(content)
