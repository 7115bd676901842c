"""From a recipe to an image in the library: root, boot files, squashfs, list of parts, manifest.

The same recipe, overlay and package versions give the same bytes, and so the same name: nothing in
an image tells when, where or by whom it was built. It is root's work in a plain container: no loop
device, no virtual machine.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from pods.canonical import digest_of
from provisioning.images.errors import BuildFailed
from provisioning.images.library import Image, Library
from provisioning.images.manifest import manifest_of
from provisioning.images.medium import MEDIUM, make_medium
from provisioning.images.medium import PROGRAMS as MEDIUM_PROGRAMS
from provisioning.images.programs import need, run
from provisioning.images.pythonlayer import lock_of, ours_of, python_tar
from provisioning.images.recipe import Recipe
from provisioning.images.root import MIRROR, boot_files, check_packages, make_root, overlay_tar
from provisioning.images.sbom import sbom

FILES = ("initrd", "kernel", "loader.efi", "root.squashfs", "sbom.cdx.json")
SQUASH_TIMEOUT_S = 2 * 3600.0
BLOCK_BYTES = 256 * 1024
"""Larger blocks pack better and make small random reads slower; twice the default is a middle."""


def build(
    recipe: Recipe, *, library: Library, mirror: str = MIRROR, say: Callable[[str], None]
) -> Image:
    """Build an image and take it in."""
    need("mmdebstrap", "mksquashfs", *(MEDIUM_PROGRAMS if recipe.medium else ()))
    if os.geteuid() != 0:
        raise BuildFailed(
            "an image is built as root: its files belong to many users",
            hint="sudo podyard image build …, or build in a container",
        )
    with library.making() as work:
        additions = None
        if recipe.python != "none":
            say(f"gathering podyard and what it needs ({recipe.python})")
            additions = work / "python.tar"
            python_tar(recipe.python, target=additions, work=work, epoch=recipe.epoch)
        say(f"installing {len(recipe.all_packages)} packages and what they need")
        make_root(recipe, root=work / "root", additions=additions, mirror=mirror)
        say("packing")
        return pack(recipe, root=work / "root", work=work, library=library)


def check(recipe: Recipe, *, library: Library, mirror: str = MIRROR) -> None:
    """Whether the recipe's packages can be had, without building: a minute before an hour."""
    need("mmdebstrap")
    with library.making() as work:
        check_packages(recipe, work=work, mirror=mirror)


def pack(recipe: Recipe, *, root: Path, work: Path, library: Library) -> Image:
    """An image of a finished root."""
    made = work / "image"
    made.mkdir()
    kernel, initrd, loader, release = boot_files(root)
    for source, name in ((kernel, "kernel"), (initrd, "initrd"), (loader, "loader.efi")):
        shutil.copyfile(source, made / name)
    parts, count = sbom(recipe, root)
    (made / "sbom.cdx.json").write_bytes(parts)
    squash(root, made / "root.squashfs", level=recipe.compression_level, epoch=recipe.epoch)
    if recipe.medium:
        make_medium(recipe, made, target=made / MEDIUM, work=work)
    manifest = manifest_of(
        made,
        files=(*FILES, MEDIUM) if recipe.medium else FILES,
        name=recipe.name,
        version=recipe.version,
        layers=recipe.chosen,
        architecture=recipe.architecture,
        suite=recipe.suite,
        policies=recipe.policies,
        kernel=release,
        kernel_arguments=recipe.kernel_arguments,
        packages=count,
        recipe=inputs_digest(recipe),
        source_date=recipe.epoch,
    )
    return library.add(made, manifest)


def inputs_digest(recipe: Recipe) -> str:
    """Of everything that was asked for; the versions of packages are in the list of parts."""
    return digest_of(
        {
            "recipe": recipe.digest(),
            "overlay": digest_of(overlay_tar(recipe).hex()),
            "python": digest_of(lock_of(recipe.python)),
            "podyard": digest_of(ours_of(recipe.python)),
        }
    )


def squash(root: Path, target: Path, *, level: int, epoch: int) -> None:
    """A squashfs that the same tree always gives; no file in it is younger than `epoch`."""
    run(
        [
            *("mksquashfs", root, target, "-noappend", "-no-progress", "-quiet", "-no-exports"),
            *("-comp", "zstd", "-Xcompression-level", str(level), "-b", str(BLOCK_BYTES)),
            # Kernel and initrd are files of their own, devices the kernel's affair.
            *("-wildcards", "-e", "boot/*", "dev/*", "proc/*", "sys/*", "run/*", "tmp/*"),
        ],
        hint="look at the last lines of mksquashfs",
        timeout_s=SQUASH_TIMEOUT_S,
        source_date=epoch,
    )
