"""A recipe is data: what it may say, what every image has, and what its digest covers."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path

import pytest

from provisioning.images import recipe as recipes
from provisioning.images.building import inputs_digest
from provisioning.images.errors import RecipeInvalid
from provisioning.images.pythonlayer import LOCKS
from provisioning.images.root import MIRROR, overlay_tar, sources
from tests.beds.tiny_root import tiny_recipe
from tests.image_locks import locks


def test_every_shipped_recipe_loads_with_all_its_layers() -> None:
    for name in recipes.names():
        recipe = recipes.load(name)
        whole = recipe.with_layers(tuple(recipe.layers))

        assert recipe.name == name
        assert set(recipe.all_packages) <= set(whole.all_packages)
        assert {"openssh-server", "chrony", "systemd-sysv"} <= set(recipe.all_packages)


def test_the_nvidia_layer_brings_its_driver_and_keeps_the_other_out() -> None:
    bare, driven = recipes.load("host"), recipes.load("host").with_layers(("nvidia",))

    assert "libnvidia-ml1" not in bare.all_packages
    assert "libnvidia-ml1" in driven.all_packages
    assert "non-free" in driven.all_components
    with tarfile.open(fileobj=io.BytesIO(overlay_tar(driven))) as tar:
        found = tar.extractfile("etc/modprobe.d/podyard.conf")
        assert found is not None
        assert b"blacklist nouveau\n" in found.read()


def test_an_unknown_layer_is_refused_with_those_there_are() -> None:
    with pytest.raises(RecipeInvalid, match="no layer 'amd'") as caught:
        recipes.load("host").with_layers(("amd",))
    assert caught.value.hint == "its layers: firmware, nvidia"


def test_an_unknown_recipe_is_refused_with_those_there_are() -> None:
    with pytest.raises(RecipeInvalid, match="neither shipped nor a file") as caught:
        recipes.load("hosst")
    assert "host, small" in caught.value.hint


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kernel", "linux; rm -rf /"),
        ("packages", ["a b"]),
        ("packages", ["$(id)"]),
        ("services", ["x y"]),
        ("kernel_arguments", ["quiet splash"]),
        ("blacklist", ["../x"]),
        ("suite", ""),
        ("policies", []),
        ("medium", "perhaps"),
        ("surprise", 1),
        ("source_date", "2026-11-01T00:00:00"),
    ],
)
def test_a_recipe_with_a_bad_value_names_field_and_value(
    tmp_path: Path, field: str, value: object
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(recipes_text(**{field: value}))

    with pytest.raises(RecipeInvalid, match=re.escape(field)) as caught:
        recipes.load(str(file))
    assert "got" in str(caught.value)


def test_a_medium_without_memory_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(recipes_text(medium=True, policies=["disk"]))

    with pytest.raises(RecipeInvalid, match="medium is true, and policies are disk"):
        recipes.load(str(file))


def recipes_text(**changed: object) -> str:
    """A recipe file, JSON being YAML."""
    return json.dumps(tiny_recipe().model_dump(mode="json") | changed)


def test_the_digest_of_inputs_covers_recipe_layers_and_python() -> None:
    host = recipes.load("host")
    several = {
        inputs_digest(one)
        for one in (
            host,
            host.with_layers(("nvidia",)),
            host.model_copy(update={"python": "core"}),
            host.model_copy(update={"version": "2"}),
            recipes.load("small"),
        )
    }

    assert len(several) == 5
    assert inputs_digest(host) == inputs_digest(recipes.load("host"))


def test_what_lies_over_the_packages_is_the_same_whoever_checked_it_out() -> None:
    with tarfile.open(fileobj=io.BytesIO(overlay_tar(tiny_recipe()))) as tar:
        entries = tar.getmembers()

    assert {(one.uid, one.gid, one.mtime) for one in entries} == {(0, 0, tiny_recipe().epoch)}
    modes = {one.name: one.mode for one in entries if one.isfile()}
    assert modes["etc/initramfs-tools/hooks/podyard"] == 0o755
    assert modes["etc/ssh/sshd_config.d/podyard.conf"] == 0o644


def test_packages_come_with_the_suites_updates_and_security() -> None:
    assert sources(tiny_recipe(), mirror="http://mirror.example/debian") == (
        "deb http://mirror.example/debian bookworm main",
        "deb http://mirror.example/debian bookworm-updates main",
        "deb http://mirror.example/debian-security bookworm-security main",
    )


def test_a_layer_brings_its_own_archive_with_the_key_that_signs_it() -> None:
    archive = {"uri": "https://a.example/debian12", "suite": "/", "keyring": "/etc/a.gpg"}
    layer = {"summary": "Newer.", "packages": ["driver"], "sources": [archive]}
    recipe = tiny_recipe(layers={"newer": layer})

    assert len(sources(recipe, mirror=MIRROR)) == 3
    last = sources(recipe.with_layers(("newer",)), mirror=MIRROR)[-1]
    assert last == "deb [signed-by=/etc/a.gpg] https://a.example/debian12 /"


def test_locks_are_those_of_the_projects_own_lock() -> None:
    """After `uv lock`: python tests/image_locks.py."""
    assert {one.name: one.read_text() for one in LOCKS.glob("*.txt")} == locks()
