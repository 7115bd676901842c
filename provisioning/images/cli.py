"""`podyard image`: build what hosts run, sign it, look at it, believe it. No service is needed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table

from inventory.printing import rows
from inventory.statedir import StateDirectory, default_state
from pods.answering import USAGE, Output, OutputOption, fail, read_file, refusals, write
from pods.keys import KEY_MAX_BYTES, Keyring, SigningKey, keyring, public_key_from_pem
from provisioning.images import building
from provisioning.images import recipe as recipes
from provisioning.images.library import SHORT_CHARS, Image, Library
from provisioning.images.manifest import sign_manifest
from provisioning.images.root import MIRROR
from provisioning.images.writing import Folder, write_image

image_app = typer.Typer(
    no_args_is_help=True,
    help="Build, sign and verify what hosts run.\n\nExample: podyard image build small",
)

ImagesOption = Annotated[
    Path | None,
    typer.Option(
        "--images",
        envvar="PODYARD_IMAGES",
        help="The folder of images; default: images/ in the service's directory.",
        show_default=False,
    ),
]
StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state", envvar="PODYARD_STATE", help="The service's directory.", show_default=False
    ),
]
ImageArgument = Annotated[
    str, typer.Argument(metavar="IMAGE", help="A digest or its beginning, or a name.")
]
KeyOption = Annotated[
    Path | None,
    typer.Option("--key", help="The signing key; default: the service's own.", show_default=False),
]
PublicKeysOption = Annotated[
    list[Path] | None,
    typer.Option("--key", metavar="PUB", help="Public key that is trusted for images."),
]
COLUMNS = ("name", "version", "layers", "digest", "kernel", "packages", "size_mib", "signed_by")


@image_app.command("recipes")
def list_recipes(output: OutputOption = Output.TABLE) -> None:
    """List the shipped recipes and their layers.

    Example: podyard image recipes -o yaml
    """
    with refusals():
        found = [recipes.load(name).model_dump(mode="json") for name in recipes.names()]
    brief = [one | {"layers": list(one["layers"])} for one in found]
    columns = ("name", "version", "summary", "python", "policies", "layers")
    write(found, output, lambda: rows(brief, columns))


@image_app.command("build")
def build_image(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A shipped recipe, or a YAML file.")
    ],
    *,
    layer: Annotated[
        list[str] | None, typer.Option("--layer", help="A layer of the recipe to add.")
    ] = None,
    mirror: Annotated[str, typer.Option(help="Debian's archive.")] = MIRROR,
    sign: Annotated[
        bool, typer.Option("--sign/--no-sign", help="Sign what was built, if there is a key.")
    ] = True,
    check: Annotated[
        bool, typer.Option("--check", help="Only ask whether all packages can be had.")
    ] = False,
    key: KeyOption = None,
    images: ImagesOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Build an image from Debian packages, as root, without loop devices.

    Example: podyard image build host --layer nvidia
    """
    with refusals():
        wanted = recipes.load(recipe).with_layers(tuple(layer or ()))
        if check:
            building.check(wanted, library=_library(images, state), mirror=mirror)
            _say(f"all {len(wanted.all_packages)} packages can be had; nothing was built")
            return
        image = building.build(wanted, library=_library(images, state), mirror=mirror, say=_say)
        if sign and (key is not None or _state(state).signing_key.exists()):
            _sign(image, _load_key(key, state))
        else:
            _say("not signed; next: podyard image sign")
    _answer(image, output)


@image_app.command("list")
def list_images(
    *,
    images: ImagesOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the images here.

    Example: podyard image list
    """
    with refusals():
        found = [_summary(one) for one in _library(images, state).all()]
    brief = [
        one | {"digest": str(one["digest"]).removeprefix("sha256:")[:SHORT_CHARS]} for one in found
    ]
    write(found, output, lambda: rows(brief, COLUMNS))


@image_app.command("sign")
def sign_image(
    image: ImageArgument,
    *,
    key: KeyOption = None,
    images: ImagesOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Vouch for an image with an Ed25519 key; its name does not change.

    Example: podyard image sign host@1 --key release.key
    """
    with refusals():
        found = _library(images, state).find(image)
        found.check()
        _sign(found, _load_key(key, state))
    _answer(found, output)


@image_app.command("verify")
def verify_image(
    image: ImageArgument,
    *,
    key: PublicKeysOption = None,
    images: ImagesOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Verify the signature of an image and every byte of its files.

    Example: podyard image verify host@1 --key release.pub
    """
    with refusals():
        found = _library(images, state).find(image)
        key_id = found.verify(ring=_ring(key, state))
    data = {"verified": True, "key_id": key_id, **_summary(found)}
    write(data, output, lambda: _table(data))


@image_app.command("write")
def write_to_disk(
    image: ImageArgument,
    *,
    to: Annotated[Path, typer.Option("--to", metavar="DISK", help="A whole disk, or a file.")],
    erase: Annotated[
        bool, typer.Option("--erase", help="Everything on that disk may be lost.")
    ] = False,
    key: PublicKeysOption = None,
    images: ImagesOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Write an image to a disk of this machine and read it back.

    Nothing is written that the signature does not cover; the disk starts nothing until all of it is
    there.

    Example: podyard image write host@1 --to /dev/nvme0n1 --erase --key release.pub
    """
    with refusals():
        found = _library(images, state).find(image)
        found.vouched(ring=_ring(key, state))
        if not erase:
            fail(
                f"everything on {to} would be lost",
                hint="look which disk it is (lsblk), then add --erase",
                code=USAGE,
            )
        written = write_image(found.manifest, Folder(found.folder), target=to)
    data = {"written": True, **asdict(written)}
    write(data, output, lambda: _table(data))


def _library(images: Path | None, state: Path | None) -> Library:
    return Library(images or _state(state).images)


def _state(path: Path | None) -> StateDirectory:
    return StateDirectory((path or default_state()).resolve())


def _load_key(path: Path | None, state: Path | None) -> SigningKey:
    return SigningKey.load(path or _state(state).signing_key, purpose="production")


def _ring(keys: list[Path] | None, state: Path | None) -> Keyring:
    """The keys that a person named, or the service's own."""
    if not keys:
        return _load_key(None, state).ring()
    pems = [(path, read_file(path, limit_bytes=KEY_MAX_BYTES)) for path in keys]
    return keyring(
        *((public_key_from_pem(pem, source=str(path)), "production") for path, pem in pems)
    )


def _sign(image: Image, key: SigningKey) -> None:
    image.sign(sign_manifest(image.manifest, key=key))
    _say(f"signed by key {key.key_id[:16]}…")


def _summary(image: Image) -> dict[str, object]:
    return {**image.manifest.summary(), "signed_by": image.says_signed_by()}


def _answer(image: Image, output: Output) -> None:
    data = {**_summary(image), "folder": str(image.folder)}
    write(data, output, lambda: _table(data))


def _table(data: dict[str, object]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in data.items():
        if value not in (None, "", []):
            lines = (
                [f"{one} {said}" for one, said in value.items()]
                if isinstance(value, dict)
                else value
            )
            text = "\n".join(map(str, lines)) if isinstance(lines, list) else str(value)
            table.add_row(name.replace("_", " "), text)
    return table


def _say(text: str) -> None:
    typer.echo(text, err=True)
