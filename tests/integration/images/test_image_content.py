"""The same inputs give the same image; another byte gives another name; harm is named."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pods.errors import CertificateRefused, Refusal
from pods.keys import SigningKey
from provisioning.images import programs
from provisioning.images.building import pack
from provisioning.images.errors import BuildFailed, ImageDamaged, ImageNotFound, NotSigned
from provisioning.images.library import SIGNATURE, Image, Library
from provisioning.images.manifest import CHUNK_BYTES, sign_manifest
from runtime.cli import app
from tests.beds.tiny_root import older, tiny_recipe, tiny_root

pytestmark = pytest.mark.integration


def test_same_root_made_later_and_elsewhere_is_the_same_image(
    packed: Image, tmp_path: Path
) -> None:
    root = tiny_root(tmp_path / "another" / "root")
    older(root, by_s=3600)

    again = pack(tiny_recipe(), root=root, work=tmp_path, library=Library(tmp_path / "images"))

    assert again.manifest.digest == packed.manifest.digest


def test_one_byte_of_the_root_gives_another_image(packed: Image, tmp_path: Path) -> None:
    root = tiny_root(tmp_path / "root")
    (root / "etc/hostname").write_bytes(b"x")

    other = pack(tiny_recipe(), root=root, work=tmp_path, library=Library(tmp_path / "images"))

    assert other.manifest.digest != packed.manifest.digest
    assert other.manifest.predicate.recipe == packed.manifest.predicate.recipe


def test_manifest_names_every_file_by_its_digest(packed: Image) -> None:
    for name in packed.manifest.predicate.files:
        content = packed.file(name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == packed.manifest.whole(name)
    assert packed.folder.name == packed.manifest.digest.removeprefix("sha256:")
    assert len(packed.manifest.predicate.files["root.squashfs"].chunks) == 3


def test_sbom_lists_what_is_installed_and_not_what_was_removed(packed: Image) -> None:
    found = json.loads(packed.file("sbom.cdx.json").read_text())

    assert found["bomFormat"] == "CycloneDX"
    assert [one["purl"] for one in found["components"]] == [
        "pkg:deb/debian/base-files@12.4%2Bdeb12u12?arch=amd64"
    ]
    assert packed.manifest.predicate.packages == 1


def test_root_holds_neither_boot_files_nor_devices(packed: Image) -> None:
    listed = programs.run(
        ["unsquashfs", "-l", packed.file("root.squashfs")], hint="", timeout_s=60
    ).decode()

    assert "usr/share/noise" in listed
    assert "vmlinuz" not in listed
    assert "dev/null" not in listed


def test_a_signed_whole_image_is_believed(image: Image, key: SigningKey) -> None:
    assert image.verify(ring=key.ring()) == key.key_id


def test_an_unsigned_image_is_not_believed(image: Image, key: SigningKey) -> None:
    (image.folder / SIGNATURE).unlink()

    with pytest.raises(NotSigned, match="is not signed") as caught:
        image.verify(ring=key.ring())
    assert "podyard image sign" in caught.value.hint


def test_a_strangers_signature_is_not_believed(
    image: Image, key: SigningKey, tmp_path: Path
) -> None:
    stranger = SigningKey.generate(tmp_path / "stranger.key", purpose="production")
    image.sign(sign_manifest(image.manifest, key=stranger))

    with pytest.raises(CertificateRefused) as caught:
        image.verify(ring=key.ring())
    assert caught.value.refusal is Refusal.UNKNOWN_KEY


def test_a_changed_signature_is_not_believed(image: Image, key: SigningKey) -> None:
    envelope = json.loads((image.folder / SIGNATURE).read_bytes())
    sig = envelope["signatures"][0]["sig"]
    envelope["signatures"][0]["sig"] = ("B" if sig[0] == "A" else "A") + sig[1:]
    (image.folder / SIGNATURE).write_text(json.dumps(envelope))

    with pytest.raises(CertificateRefused) as caught:
        image.verify(ring=key.ring())
    assert caught.value.refusal is Refusal.BAD_SIGNATURE


def test_the_signature_of_another_image_is_not_believed(image: Image, key: SigningKey) -> None:
    said = image.manifest.model_dump(mode="json")
    said["predicate"]["version"] = "2"
    other = type(image.manifest).model_validate(said)
    image.sign(sign_manifest(other, key=key))

    with pytest.raises(ImageDamaged, match="the signature is for image"):
        image.verify(ring=key.ring())


@pytest.mark.parametrize("name", ["kernel", "initrd", "root.squashfs", "sbom.cdx.json"])
def test_one_changed_bit_is_found_and_the_file_named(
    image: Image, key: SigningKey, name: str
) -> None:
    content = bytearray(image.file(name).read_bytes())
    content[len(content) // 2] ^= 1
    image.file(name).write_bytes(content)

    with pytest.raises(ImageDamaged, match=f"^{name} has sha256") as caught:
        image.verify(ring=key.ring())
    assert caught.value.hint


def test_a_truncated_file_is_named_with_both_sizes(image: Image, key: SigningKey) -> None:
    size = image.file("root.squashfs").stat().st_size
    with image.file("root.squashfs").open("r+b") as file:
        file.truncate(CHUNK_BYTES)

    with pytest.raises(ImageDamaged, match=rf"cut short: {CHUNK_BYTES} bytes.*{size}"):
        image.verify(ring=key.ring())


def test_a_missing_file_is_named(image: Image, key: SigningKey) -> None:
    image.file("kernel").unlink()

    with pytest.raises(ImageDamaged, match="kernel cannot be read"):
        image.verify(ring=key.ring())


def test_a_folder_with_another_name_than_its_content_is_refused(image: Image) -> None:
    image.folder.rename(image.folder.with_name("0" * 64))

    with pytest.raises(ImageDamaged, match="is the manifest of"):
        list(Library(image.folder.parent).all())


def test_an_image_is_found_by_name_tag_and_beginning_of_its_digest(image: Image) -> None:
    library = Library(image.folder.parent)

    for name in ("tiny", "tiny@1", image.folder.name[:12], f"sha256:{image.folder.name}"):
        assert library.find(name).folder == image.folder
    for name in ("tin", image.folder.name[:11], "tiny@2"):
        with pytest.raises(ImageNotFound):
            library.find(name)


def test_a_build_that_fails_leaves_nothing_in_the_library(tmp_path: Path) -> None:
    library = Library(tmp_path / "images")
    root = tiny_root(tmp_path / "root", content_bytes=1)
    (root / "boot/vmlinuz-6.1.0-1-cloud-amd64").write_bytes(b"a second kernel")

    with pytest.raises(BuildFailed, match="2 kernels"), library.making() as work:
        pack(tiny_recipe(), root=root, work=work, library=library)
    assert list(library.path.iterdir()) == []


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="No space left on device") as caught:
        programs.run(
            ["dd", "if=/dev/zero", "of=/dev/full", "bs=1k", "count=1"], hint="", timeout_s=60
        )
    assert "free space" in caught.value.hint


def test_commands_sign_list_and_verify(image: Image, key: SigningKey, tmp_path: Path) -> None:
    command, images = CliRunner(), ["--images", str(image.folder.parent)]
    (tmp_path / "image.pub").write_bytes(key.public_pem())
    (image.folder / SIGNATURE).unlink()

    signed = command.invoke(
        app, ["image", "sign", "tiny", "--key", str(tmp_path / "image.key"), *images]
    )
    assert signed.exit_code == 0, signed.output
    listed = command.invoke(app, ["image", "list", *images, "-o", "json"])
    assert [one["signed_by"] for one in json.loads(listed.stdout)] == [key.key_id[:16]]
    public = ["--key", str(tmp_path / "image.pub")]
    verified = command.invoke(app, ["image", "verify", "tiny@1", *public, *images, "-o", "json"])
    assert json.loads(verified.stdout)["verified"] is True

    image.file("initrd").write_bytes(b"other")
    refused = command.invoke(app, ["image", "verify", "tiny@1", *public, *images])
    assert refused.exit_code == 1
    assert "error: initrd is cut short" in refused.stderr
    assert "hint: " in refused.stderr
