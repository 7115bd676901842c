"""What an image is to hold: shipped recipes, or a file of one's own, and the layers chosen.

A recipe is data. What each of them has (init, ssh, time, the root's own boot script) is not
in it and cannot be left out of it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from pods.canonical import digest_of
from pods.document import parse_document, read_document
from pods.errors import ERRORS_SHOWN_MAX, PodsError, shown
from provisioning.images.errors import RecipeInvalid
from provisioning.images.manifest import Policy, Word

RECIPES = Path(__file__).parent / "recipes"
OVERLAY = Path(__file__).parent / "overlay"

BASE_PACKAGES = (
    "busybox",
    "ca-certificates",
    "chrony",
    "dbus",
    "dosfstools",
    "e2fsprogs",
    "fdisk",
    "initramfs-tools",
    "iproute2",
    "kmod",
    "mtools",
    "openssh-server",
    "python3",
    "systemd-boot-efi",
    "systemd-sysv",
    "udev",
    "zstd",
)
BASE_SERVICES = ("systemd-networkd", "ssh", "chrony", "podyard-host-keys")

Unit = Annotated[str, Field(pattern=r"^[a-z0-9][a-zA-Z0-9@._-]{0,63}$")]
Argument = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.,:=/+-]{1,128}$")]
"""No spaces and no quotes; and whoever would hide a secret here is read by every user of the
host."""
Module = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")]
Python = Literal["none", "core", "worker"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Part):
    """An archive of packages besides Debian's own."""

    uri: str = Field(pattern=r"^https?://[A-Za-z0-9.:/_-]{1,200}$")
    suite: str = Field(pattern=r"^[A-Za-z0-9./_-]{1,64}$")
    components: tuple[Word, ...] = ()
    keyring: str = Field(pattern=r"^/[A-Za-z0-9./_-]{1,200}$")
    """The file on the machine that builds whose keys sign that archive."""


class Layer(_Part):
    """Something optional on top."""

    summary: str = Field(max_length=200)
    components: tuple[Word, ...] = ()
    sources: tuple[Source, ...] = ()
    packages: tuple[Word, ...] = Field(min_length=1)
    services: tuple[Unit, ...] = ()
    blacklist: tuple[Module, ...] = ()
    """Kernel modules that must not load."""


class Recipe(_Part):
    """An image's content, with everything that decides what it becomes."""

    name: Word
    version: Word
    summary: str = Field(max_length=200)
    architecture: Literal["amd64"] = "amd64"
    suite: Word = "bookworm"
    components: tuple[Word, ...] = ("main",)
    source_date: AwareDatetime
    """No file in the image is younger, whenever it is built."""
    kernel: Word
    packages: tuple[Word, ...] = ()
    python: Python = "none"
    """Of podyard itself: nothing, what deploys, or what works on a host."""
    services: tuple[Unit, ...] = ()
    blacklist: tuple[Module, ...] = ()
    kernel_arguments: tuple[Argument, ...] = ()
    policies: tuple[Policy, ...] = Field(default=("memory", "disk"), min_length=1)
    medium: bool = False
    """Whether a boot medium comes with it, for running in memory."""
    compression_level: int = Field(default=15, ge=1, le=22)
    layers: dict[Word, Layer] = Field(default_factory=dict)
    chosen: tuple[Word, ...] = ()
    """The layers that are in it; of a recipe in a file, those always wanted."""

    @property
    def epoch(self) -> int:
        """`source_date` as SOURCE_DATE_EPOCH."""
        return int(self.source_date.astimezone(UTC).timestamp())

    @property
    def all_packages(self) -> tuple[str, ...]:
        """Everything that apt is asked for, sorted."""
        layered = (one for name in self.chosen for one in self.layers[name].packages)
        return tuple(sorted({*BASE_PACKAGES, self.kernel, *self.packages, *layered}))

    @property
    def all_components(self) -> tuple[str, ...]:
        """Of the archive."""
        layered = (one for name in self.chosen for one in self.layers[name].components)
        return tuple(dict.fromkeys((*self.components, *layered)))

    @property
    def all_sources(self) -> tuple[Source, ...]:
        """Archives besides Debian's own."""
        return tuple(one for name in self.chosen for one in self.layers[name].sources)

    @property
    def all_services(self) -> tuple[str, ...]:
        """What starts with the host."""
        layered = (one for name in self.chosen for one in self.layers[name].services)
        return tuple(dict.fromkeys((*BASE_SERVICES, *self.services, *layered)))

    @property
    def all_blacklisted(self) -> tuple[str, ...]:
        """Kernel modules that must not load, sorted."""
        layered = (one for name in self.chosen for one in self.layers[name].blacklist)
        return tuple(sorted({*self.blacklist, *layered}))

    def with_layers(self, names: tuple[str, ...]) -> Recipe:
        """The same with these layers in it."""
        for name in names:
            if name not in self.layers:
                known = ", ".join(self.layers) or "it has none"
                raise RecipeInvalid(
                    f"recipe {self.name} has no layer {shown(name)}",
                    hint=f"its layers: {known}",
                )
        return self.model_copy(update={"chosen": tuple(sorted({*self.chosen, *names}))})

    def at(self, moment: datetime) -> Recipe:
        """The same with another source date."""
        return self.model_copy(update={"source_date": moment})

    def digest(self) -> str:
        """Of what was asked for, apart from what podyard lays over it."""
        return digest_of(self.model_dump(mode="json"))


def names() -> tuple[str, ...]:
    """The shipped recipes, sorted."""
    return tuple(sorted(path.stem for path in RECIPES.glob("*.yaml")))


def load(name: str) -> Recipe:
    """The shipped recipe of this name, or the one in this file."""
    if name in names():
        source = RECIPES / f"{name}.yaml"
        return _checked(parse_document(source.read_bytes(), source=name), source=name)
    if not Path(name).exists():
        raise RecipeInvalid(
            f"no recipe {shown(name)}: neither shipped nor a file",
            hint=f"shipped are {', '.join(names())}; or give the path of a YAML file",
        )
    try:
        value = read_document(Path(name), regular_only=True)
    except PodsError as error:
        raise RecipeInvalid(str(error).replace("spec", "recipe", 1), hint=error.hint) from error
    return _checked(value, source=name)


def _checked(value: Any, *, source: str) -> Recipe:
    try:
        recipe = Recipe.model_validate(value)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, one['loc'])) or 'recipe'}: {one['msg']}, got {shown(one['input'])}"
            for one in error.errors()[:ERRORS_SHOWN_MAX]
        ]
        raise RecipeInvalid(
            f"{source} is no recipe:\n" + "\n".join(lines),
            hint="`podyard image recipes` shows the shipped ones, and what a recipe may say",
        ) from error
    if recipe.medium and "memory" not in recipe.policies:
        raise RecipeInvalid(
            f"{source}: medium is true, and policies are {', '.join(recipe.policies)}",
            hint="a boot medium runs the image in memory: add memory to its policies",
        )
    return recipe.with_layers(recipe.chosen)
