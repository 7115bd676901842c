"""What an image is: its files by digest, and who vouches for them.

The manifest is an in-toto Statement, so that other people's tools can read it; its canonical bytes
name the image. Signing wraps the same bytes in a DSSE envelope, and so never changes the name.
Beside the digest of each whole file stand the digests of its chunks: a host that has not the memory
for a file can still hold every byte against the manifest before it writes it.

A host reads this before it writes, so nothing here needs more than `pods`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from pods.canonical import canonical_json
from pods.envelope import Envelope, Sha256, Signed, payload_of, seal, strict_json, unseal
from pods.errors import CertificateRefused, Refusal
from pods.keys import Keyring, SigningKey
from provisioning.images.errors import ImageDamaged

PAYLOAD_TYPE = "application/vnd.in-toto+json"

CHUNK_BYTES = 8 * 1024 * 1024
"""What a host holds in memory at a time. An image of 64 GiB has 8,192 chunks: 730 KiB of manifest,
under what an envelope may hold."""

FILES_MAX = 16
FILE_MAX_BYTES = 64 * 1024**3

Policy = Literal["memory", "disk"]
Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]{0,63}$")]


class ImageFile(Signed):
    """One file, whole and by chunks."""

    size_bytes: int = Field(ge=1, le=FILE_MAX_BYTES)
    chunks: tuple[Hex, ...]

    @model_validator(mode="after")
    def _chunks_cover_it(self) -> ImageFile:
        wanted = -(-self.size_bytes // CHUNK_BYTES)
        if len(self.chunks) != wanted:
            raise ValueError(f"{self.size_bytes} bytes are {wanted} chunks")
        return self

    def spans(self) -> Iterator[tuple[int, int, str]]:
        """Where each chunk begins, how long it is, and its digest."""
        for number, digest in enumerate(self.chunks):
            start = number * CHUNK_BYTES
            yield start, min(CHUNK_BYTES, self.size_bytes - start), digest


class ImagePredicate(Signed):
    """What is stated about the files."""

    name: Word
    version: Word
    layers: tuple[Word, ...] = ()
    architecture: Literal["amd64", "arm64"]
    suite: Word
    policies: tuple[Policy, ...] = Field(min_length=1)
    kernel: str = Field(max_length=128)
    """The kernel's release, as `uname -r` says on a host that runs this image."""
    kernel_arguments: tuple[str, ...] = ()
    packages: int = Field(ge=0)
    recipe: Sha256
    """Of everything that was asked for: recipe, layers, what is laid over it, podyard itself."""
    source_date: int = Field(ge=0)
    files: dict[FileName, ImageFile] = Field(min_length=1, max_length=FILES_MAX)


class ImageSubject(Signed):
    """One file, as in-toto names it."""

    name: FileName
    digest: dict[Literal["sha256"], Hex]


class Manifest(Signed):
    """An in-toto Statement v1 about the files of one image."""

    type: Literal["https://in-toto.io/Statement/v1"] = Field(
        "https://in-toto.io/Statement/v1", alias="_type"
    )
    subject: tuple[ImageSubject, ...]
    predicate_type: Literal["https://podyard.dev/image/v1"] = Field(
        "https://podyard.dev/image/v1", alias="predicateType"
    )
    predicate: ImagePredicate

    @model_validator(mode="after")
    def _subjects_are_the_files(self) -> Manifest:
        if [one.name for one in self.subject] != sorted(self.predicate.files):
            raise ValueError("the subjects are not the files, in their order")
        return self

    def to_bytes(self) -> bytes:
        """The canonical JSON: what is signed, and what the image is named by."""
        return canonical_json(self.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """The image's name, by content."""
        return "sha256:" + hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def size_bytes(self) -> int:
        """All files together."""
        return sum(file.size_bytes for file in self.predicate.files.values())

    def whole(self, name: str) -> str:
        """The digest of one whole file, in hexadecimal."""
        return next(one.digest["sha256"] for one in self.subject if one.name == name)

    def summary(self) -> dict[str, Any]:
        """What a list shows of it."""
        said = self.predicate
        return {
            "name": said.name,
            "version": said.version,
            "layers": list(said.layers),
            "digest": self.digest,
            "architecture": said.architecture,
            "policies": list(said.policies),
            "kernel": said.kernel,
            "packages": said.packages,
            "size_mib": round(self.size_bytes / 1024**2, 1),
        }


def measured(path: Path) -> tuple[str, ImageFile]:
    """A file's digest and chunks, read once."""
    whole, chunks, size = hashlib.sha256(), [], 0
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            whole.update(piece)
            chunks.append(hashlib.sha256(piece).hexdigest())
            size += len(piece)
    if not size:
        raise ImageDamaged(f"{path} is empty", hint="build the image again")
    return whole.hexdigest(), ImageFile(size_bytes=size, chunks=tuple(chunks))


def manifest_of(folder: Path, *, files: tuple[str, ...], **said: Any) -> Manifest:
    """The manifest of these files; `said` is the rest of the predicate."""
    found = {name: measured(folder / name) for name in sorted(files)}
    subjects = tuple(
        ImageSubject(name=name, digest={"sha256": whole}) for name, (whole, _) in found.items()
    )
    measures = {name: file for name, (_, file) in found.items()}
    return Manifest(subject=subjects, predicate=ImagePredicate(files=measures, **said))


def sign_manifest(manifest: Manifest, *, key: SigningKey) -> Envelope:
    """Vouch for an image."""
    return seal(manifest.to_bytes(), payload_type=PAYLOAD_TYPE, key=key)


def verified_manifest(raw: bytes, *, ring: Keyring) -> tuple[Manifest, str]:
    """The manifest in this envelope and the key that vouches for it, or `CertificateRefused`."""
    payload, _, key_id = unseal(raw, payload_type=PAYLOAD_TYPE, ring=ring, what="image signature")
    return read_manifest(payload), key_id


def unverified_manifest(raw: bytes) -> Manifest:
    """What an envelope says, believed by nobody."""
    return read_manifest(payload_of(raw, what="image signature"))


def read_manifest(payload: bytes) -> Manifest:
    """A manifest in canonical JSON; any other spelling would have another name."""
    try:
        strict_json(payload)
        manifest = Manifest.model_validate_json(payload, by_alias=True, by_name=False)
    except (ValidationError, ValueError, RecursionError) as error:
        raise _no_manifest("its content is not a manifest of version 1") from error
    if manifest.to_bytes() != payload:
        raise _no_manifest("it is not in canonical JSON")
    return manifest


def _no_manifest(problem: str) -> CertificateRefused:
    return CertificateRefused(
        f"this is not the manifest of an image: {problem}",
        refusal=Refusal.MALFORMED,
        hint="give an image that `podyard image build` of this version made",
    )
