"""Real images for tests, built once and kept beside the results until their inputs change."""

from __future__ import annotations

from pathlib import Path

from provisioning.images import recipe as recipes
from provisioning.images.building import build, inputs_digest
from provisioning.images.library import Image, Library

KEPT = Path(__file__).resolve().parents[2] / ".state" / "images"


def image_of(recipe: str) -> Image:
    """The image of a shipped recipe as it is now; builds it for minutes if there is none."""
    wanted = recipes.load(recipe)
    digest = inputs_digest(wanted)
    library = Library(KEPT)
    for image in library.all():
        if image.manifest.predicate.recipe == digest:
            return image
    return build(wanted, library=library, say=print)
