"""A cache is made of blank drives alone, and that no signature is known proves nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from provisioning.inband.play import PLAYBOOKS

BLOCK = 4096


@pytest.fixture(scope="module")
def cache() -> ModuleType:
    """Ansible's module is a file that it sends to hosts, and part of no package."""
    file = PLAYBOOKS / "roles/cache/library/nvme_cache.py"
    spec = importlib.util.spec_from_file_location("nvme_cache", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_drive_of_zeros_is_blank(cache: ModuleType, tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    drive.write_bytes(bytes(BLOCK * 9000))
    assert cache.looks_blank(str(drive))


@pytest.mark.parametrize("block", [0, 5, 8191])
def test_drive_without_a_signature_that_holds_something_is_not_blank(
    cache: ModuleType, tmp_path: Path, block: int
) -> None:
    drive = tmp_path / "drive"
    content = bytearray(BLOCK * 8192)
    # Of what fills a drive, only one block in two has to be seen.
    for at in (block, block ^ 1):
        content[at * BLOCK : (at + 1) * BLOCK] = b"a database of no file system    " * 128
    drive.write_bytes(content)
    assert not cache.looks_blank(str(drive))


def test_drive_that_cannot_be_read_is_not_blank(cache: ModuleType, tmp_path: Path) -> None:
    assert not cache.looks_blank(str(tmp_path / "absent"))
    empty = tmp_path / "empty"
    empty.touch()
    assert not cache.looks_blank(str(empty))
