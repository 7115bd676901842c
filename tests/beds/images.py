"""Real images for tests, built once and kept beside the results until their inputs change.

Debian's packages take minutes and change with the recipe alone; podyard's own files change with
each edit and take seconds. So the tree of packages is kept by what goes into it, and only the rest
is laid over a copy: the image is the same that `podyard image build` gives.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from provisioning.images import recipe as recipes
from provisioning.images import root as root_module
from provisioning.images.building import inputs_digest, pack
from provisioning.images.library import Image, Library
from provisioning.images.pythonlayer import python_tar
from provisioning.images.recipe import Recipe
from provisioning.images.root import MIRROR, make_root, overlay_tar

KEPT = Path(__file__).resolve().parents[2] / ".state" / "images"
ROOTS_KEPT = 3
IMAGES_KEPT = 3


def image_of(recipe: str, **changed: object) -> Image:
    """The image of a shipped recipe as it is now; builds what is new in it."""
    wanted = recipes.load(recipe).model_copy(update=changed)
    digest = inputs_digest(wanted)
    library = Library(KEPT)
    for image in library.all():
        if image.manifest.predicate.recipe == digest:
            os.utime(image.folder)
            return image
    _forget(KEPT, most=IMAGES_KEPT - 1, pattern="[0-9a-f]" * 8 + "*")
    with library.making() as work:
        root = work / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", _packages(wanted), root], check=True)
        if wanted.python != "none":
            python_tar(wanted.python, target=work / "python.tar", work=work, epoch=wanted.epoch)
            # Debian's /lib is a link, and stays one.
            unpack = ["tar", "--extract", "--keep-directory-symlink", f"--directory={root}"]
            subprocess.run([*unpack, f"--file={work / 'python.tar'}"], check=True)
        return pack(wanted, root=root, work=work, library=library)


def _packages(recipe: Recipe) -> Path:
    """The tree without podyard itself."""
    said = recipe.model_dump(
        mode="json", exclude={"medium", "compression_level", "policies", "kernel_arguments"}
    )
    overlay = hashlib.sha256(overlay_tar(recipe)).hexdigest()
    how = hashlib.sha256(Path(root_module.__file__).read_bytes()).hexdigest()
    key = hashlib.sha256(f"{said}\n{overlay}\n{how}".encode()).hexdigest()
    roots = KEPT.with_name("roots")
    kept = roots / key[:32]
    if not kept.exists():
        roots.mkdir(parents=True, exist_ok=True)
        _forget(roots, most=ROOTS_KEPT - 1, pattern="[0-9a-f]" * 8 + "*")
        with tempfile.TemporaryDirectory(dir=roots, prefix=".making-") as work:
            make_root(recipe, root=Path(work) / "root", additions=None, mirror=MIRROR)
            (Path(work) / "root").rename(kept)
    os.utime(kept)
    return kept


def _forget(folder: Path, *, most: int, pattern: str) -> None:
    """Those that nobody used for the longest time."""
    found = sorted(folder.glob(pattern), key=lambda one: one.stat().st_mtime, reverse=True)
    for old in found[most:]:
        shutil.rmtree(old)
