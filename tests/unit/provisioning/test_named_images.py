"""What specs name is found as it is now, and a pod that is the same is not read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inventory.model import Pod
from inventory.store.protocol import Change
from inventory.store.sql import SqlStore
from provisioning.boot.named import NamedImages
from tests.migrated import fresh_store
from tests.unit.inventory.records import NOW, make_pod

ITEM = {"component": "BIOS", "version": "2.4.1", "image": "bios.bin", "sha256": "ab" * 32}


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    return fresh_store(tmp_path)


def put(store: SqlStore, item: dict[str, Any], *, new: bool = False) -> None:
    found = store.get(Pod, "lab") or make_pod()
    fresh = found.model_copy(update={"spec_document": {"firmware": {"kind": [item]}}})
    store.apply(Change(insert=(fresh,)) if new else Change(replace=(fresh,)), now=NOW)


def test_an_image_is_found_by_digest_and_name_and_by_nothing_else(store: SqlStore) -> None:
    put(store, ITEM, new=True)
    images = NamedImages()
    found = images.find(store, sha256=ITEM["sha256"], image=ITEM["image"])
    assert found is not None
    assert (found.component, found.version) == ("BIOS", "2.4.1")
    assert images.find(store, sha256=ITEM["sha256"], image="other.bin") is None
    assert images.find(store, sha256="cd" * 32, image=ITEM["image"]) is None


def test_a_pod_is_read_again_when_it_is_another_one_and_only_then(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[list[str]] = []
    documents = SqlStore.documents

    def counted(own: SqlStore, kind: Any, keys: Any) -> Any:
        read.append(list(keys))
        return documents(own, kind, read[-1])

    monkeypatch.setattr(SqlStore, "documents", counted)
    put(store, ITEM, new=True)
    images = NamedImages()
    for _ in range(3):
        assert images.find(store, sha256=ITEM["sha256"], image=ITEM["image"]) is not None
    assert [keys for keys in read if keys] == [["lab"]]
    put(store, {**ITEM, "sha256": "cd" * 32})
    assert images.find(store, sha256=ITEM["sha256"], image=ITEM["image"]) is None
    assert images.find(store, sha256="cd" * 32, image=ITEM["image"]) is not None
