"""Everything that can go wrong with an image, arranged by what the caller should do.

ImageError
├── RecipeInvalid    the recipe or a choice made with it is wrong: change it
├── BuildFailed      a program that builds is missing, or it failed: `hint` says what it needs
├── ImageNotFound    no image of that name or digest lies here: build it, or copy it here
├── ImageDamaged     a file is not what the manifest says: get it again
├── NotSigned        nobody vouches for this image: sign it
└── TargetRefused    the disk is too small, in use, failed, or reads back other than was written
"""

from __future__ import annotations

from pods.errors import PodsError


class ImageError(PodsError):
    """Base of all."""


class RecipeInvalid(ImageError):
    """A recipe, or a layer asked of it, that cannot be built."""


class BuildFailed(ImageError):
    """A program that the build needs is missing, or ended with an error."""


class ImageNotFound(ImageError):
    """No image of this name or digest in the library."""


class ImageDamaged(ImageError):
    """A file of an image is missing, cut short or changed."""


class NotSigned(ImageError):
    """The image has no signature."""


class TargetRefused(ImageError):
    """The disk cannot take the image, or did not keep it."""
