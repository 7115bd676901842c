"""Images on a file system, each in a folder that is named by its content.

    <library>/<digest>/  manifest.json  signature.json  kernel  initrd  root.squashfs  …

A folder appears whole or not at all: it is filled beside its place and renamed. Nothing in it is
changed afterwards but the signature, which is not part of what it is named by.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pods.envelope import ENVELOPE_MAX_BYTES, Envelope, read_envelope
from pods.errors import CertificateRefused, shown
from pods.keys import Keyring
from provisioning.images.errors import ImageDamaged, ImageNotFound, NotSigned
from provisioning.images.manifest import (
    Manifest,
    measured,
    read_manifest,
    verified_manifest,
)
from provisioning.images.medium import MEDIUM, Medium

MANIFEST, SIGNATURE = "manifest.json", "signature.json"
DIGEST_CHARS = 64
SHORT_CHARS = 12
"""Enough to tell the images of any library apart, and to be read out loud."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image in a library."""

    folder: Path
    manifest: Manifest

    @property
    def signature(self) -> bytes | None:
        """The envelope, if somebody vouched for it."""
        path = self.folder / SIGNATURE
        return path.read_bytes()[: ENVELOPE_MAX_BYTES + 1] if path.exists() else None

    def file(self, name: str) -> Path:
        """One of its files."""
        return self.folder / name

    def medium(self) -> Medium:
        """What firmware boots it from."""
        if MEDIUM not in self.manifest.predicate.files:
            raise ImageNotFound(
                f"image {self.manifest.predicate.name} {short(self.manifest)} has no boot medium",
                hint="build it from a recipe with `medium: true`",
            )
        return Medium.open(self.file(MEDIUM))

    def sign(self, envelope: Envelope) -> None:
        """Lay the signature beside it; another one is replaced."""
        _write_whole(self.folder / SIGNATURE, envelope.to_bytes())

    def verify(self, *, ring: Keyring) -> str:
        """The key that vouches for it, once every byte was held against the manifest."""
        key_id = self.vouched(ring=ring)
        self.check()
        return key_id

    def check(self) -> None:
        """Hold every byte against the manifest."""
        for name in self.manifest.predicate.files:
            check_file(self.file(name), manifest=self.manifest, name=name)

    def says_signed_by(self) -> str:
        """The key that its signature names, believed by nobody; empty: it has none."""
        raw = self.signature
        if raw is None:
            return ""
        try:
            return ", ".join(one.keyid[:16] for one in read_envelope(raw).signatures)
        except CertificateRefused:
            return "unreadable"

    def vouched(self, *, ring: Keyring) -> str:
        """The key that vouches for its manifest; the files are not read."""
        raw = self.signature
        if raw is None:
            raise NotSigned(
                f"image {self.manifest.predicate.name} {self.manifest.digest} is not signed",
                hint=f"podyard image sign {short(self.manifest)}",
            )
        signed, key_id = verified_manifest(raw, ring=ring)
        if signed.digest != self.manifest.digest:
            raise ImageDamaged(
                f"the signature is for image {signed.digest}, and this is {self.manifest.digest}",
                hint="sign this image, or get the two files from the same place again",
            )
        return key_id


def check_file(path: Path, *, manifest: Manifest, name: str) -> None:
    """Hold one file against the manifest, or `ImageDamaged` with what is wrong with it."""
    wanted = manifest.predicate.files[name]
    try:
        size = path.stat().st_size
        found, _ = measured(path) if size == wanted.size_bytes else ("", None)
    except OSError as error:
        raise ImageDamaged(
            f"{name} cannot be read: {error.strerror}", hint="copy the image here again"
        ) from error
    if size != wanted.size_bytes:
        what = "cut short" if size < wanted.size_bytes else "too long"
        raise ImageDamaged(
            f"{name} is {what}: {size} bytes, and the manifest says {wanted.size_bytes}",
            hint="copy the image here again: the transfer did not end well",
        )
    if found != manifest.whole(name):
        raise ImageDamaged(
            f"{name} has sha256 {found}, and the manifest says {manifest.whole(name)}",
            hint="copy the image here again; if it repeats, somebody changed it or the disk is bad",
        )


@dataclass(frozen=True, slots=True)
class Library:
    """A folder of images."""

    path: Path

    def all(self) -> Iterator[Image]:
        """Every image here, by name, version and digest."""
        found = [
            Image(folder, _manifest(folder))
            for folder in (self.path.iterdir() if self.path.is_dir() else ())
            if len(folder.name) == DIGEST_CHARS and (folder / MANIFEST).is_file()
        ]
        said = [(one.manifest.predicate, one) for one in found]
        yield from (
            one
            for _, one in sorted(
                said, key=lambda pair: (pair[0].name, pair[0].version, pair[1].folder.name)
            )
        )

    def find(self, name: str) -> Image:
        """The image of this digest, the beginning of one, or this name if there is only one."""
        begin = name.removeprefix("sha256:")
        found = [
            one
            for one in self.all()
            if name in {one.manifest.predicate.name, self._tag(one)}
            or (len(begin) >= SHORT_CHARS and one.folder.name.startswith(begin))
        ]
        if len(found) == 1:
            return found[0]
        if found:
            several = ", ".join(short(one.manifest) for one in found)
            raise ImageNotFound(
                f"{len(found)} images are called {shown(name)}: {several}",
                hint="name it by its digest",
            )
        raise ImageNotFound(
            f"no image {shown(name)} in {self.path}",
            hint="`podyard image list` shows what is there; `podyard image build` makes one",
        )

    @staticmethod
    def _tag(image: Image) -> str:
        return f"{image.manifest.predicate.name}@{image.manifest.predicate.version}"

    @contextmanager
    def making(self) -> Iterator[Path]:
        """A folder on the library's own disk to work in, gone afterwards."""
        self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".making-", dir=self.path))
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def add(self, folder: Path, manifest: Manifest) -> Image:
        """Take in a finished folder; one that is here already stays as it is."""
        (folder / MANIFEST).write_bytes(manifest.to_bytes())
        folder.chmod(0o755)
        self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
        place = self.path / manifest.digest.removeprefix("sha256:")
        if not place.exists():
            folder.rename(place)
        return Image(place, manifest)


def short(manifest: Manifest) -> str:
    """The beginning of a digest."""
    return manifest.digest.removeprefix("sha256:")[:SHORT_CHARS]


def _manifest(folder: Path) -> Manifest:
    """The manifest in a folder, if it is the one that the folder is named by."""
    try:
        manifest = read_manifest((folder / MANIFEST).read_bytes())
    except CertificateRefused as error:
        raise ImageDamaged(f"{folder / MANIFEST}: {error}", hint=f"remove {folder}") from error
    if manifest.digest != f"sha256:{folder.name}":
        raise ImageDamaged(
            f"{folder / MANIFEST} is the manifest of {manifest.digest}",
            hint=f"remove {folder}: what it holds is not what it is named by",
        )
    return manifest


def _write_whole(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
