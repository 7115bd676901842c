"""The tree that becomes an image's root: Debian's packages, and what podyard lays over them.

`mmdebstrap` does it, as root, in a plain container: no loop device, no virtual machine, no service
of ours. What would make two builds differ or two hosts alike is taken out at the end: SSH host
keys, the machine's id, logs, caches.
"""

from __future__ import annotations

import io
import shlex
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path

from provisioning.images.errors import BuildFailed
from provisioning.images.programs import run
from provisioning.images.recipe import OVERLAY, Recipe

MIRROR = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
BUILD_TIMEOUT_S = 4 * 3600.0
"""The worker with a driver compiled takes a quarter of an hour on two idle cores."""

LEFT_OUT = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)
"""Nobody reads manuals on a host; licences stay."""

OF_THIS_BUILD = (
    "etc/hostname",
    "etc/resolv.conf",
    "etc/.pwd.lock",
    "etc/ssh/ssh_host_*",
    "var/cache/debconf/*",
    "var/cache/ldconfig/aux-cache",
    "var/lib/chrony/*",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/*-old",
    "var/lib/systemd/catalog/database",
    "var/lib/systemd/random-seed",
    "var/log/*.log",
    "var/log/apt/*",
)
"""What differs between two builds, or must differ between two hosts."""

NEVER_STARTED = ("e2scrub_reap.service", "e2scrub_all.timer")
"""What packages start that no host of ours needs: these look for LVM, at each boot."""

EXECUTABLE = ("etc/initramfs-tools/hooks/", "usr/lib/podyard/bin/")
BLACKLIST = "etc/modprobe.d/podyard.conf"


def make_root(recipe: Recipe, *, root: Path, additions: Path | None, mirror: str) -> None:
    """Fill `root`; `additions` is a tar of further files, unpacked at its top."""
    overlay = root.parent / "overlay.tar"
    overlay.write_bytes(overlay_tar(recipe))
    hooks = [
        # Before the packages: the kernel's own script makes the initrd, once, with ours in it.
        f"--setup-hook={_unpacking(overlay)}",
        *([f"--customize-hook={_unpacking(additions)}"] if additions else []),
        f'--customize-hook=chroot "$1" systemctl enable {" ".join(recipe.all_services)}',
        *(
            f'--customize-hook=ln -sf /dev/null "$1/etc/systemd/system/{one}"'
            for one in NEVER_STARTED
        ),
    ]
    _mmdebstrap(recipe, *hooks, root=root, mirror=mirror)
    overlay.unlink()
    _forget_this_build(root)


def check_packages(recipe: Recipe, *, work: Path, mirror: str) -> None:
    """Ask apt whether all packages can be had together; nothing is downloaded or installed."""
    _mmdebstrap(recipe, "--simulate", root=work / "root", mirror=mirror)


def _mmdebstrap(recipe: Recipe, *more: str, root: Path, mirror: str) -> None:
    run(
        [
            *("mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"),
            f"--architectures={recipe.architecture}",
            f"--components={','.join(recipe.all_components)}",
            f"--include={','.join(recipe.all_packages)}",
            *(f"--dpkgopt={one}" for one in LEFT_OUT),
            *more,
            recipe.suite,
            root,
            *sources(recipe, mirror=mirror),
        ],
        hint="look at the last lines: packages that the suite cannot give together, or no way to "
        "the mirror (--mirror)",
        timeout_s=BUILD_TIMEOUT_S,
        source_date=recipe.epoch,
        extra={"DEBIAN_FRONTEND": "noninteractive"},
    )


def sources(recipe: Recipe, *, mirror: str) -> tuple[str, ...]:
    """Where packages come from: the suite, and its updates wherever there are such."""
    components = " ".join(recipe.all_components)
    suites = [(mirror, recipe.suite)]
    if recipe.suite not in {"sid", "unstable"}:
        suites.append((mirror, f"{recipe.suite}-updates"))
        security = SECURITY if mirror == MIRROR else f"{mirror.rstrip('/')}-security"
        suites.append((security, f"{recipe.suite}-security"))
    lines = [f"deb {where} {suite} {components}" for where, suite in suites]
    for one in recipe.all_sources:
        parts = " ".join((f"deb [signed-by={one.keyring}]", one.uri, one.suite, *one.components))
        lines.append(parts)
    return tuple(lines)


def overlay_files(recipe: Recipe) -> dict[str, bytes]:
    """What every image has over its packages: path to content."""
    found = {
        str(path.relative_to(OVERLAY)): path.read_bytes()
        for path in sorted(OVERLAY.rglob("*"))
        if path.is_file()
    }
    if recipe.all_blacklisted:
        lines = [f"blacklist {module}\n" for module in recipe.all_blacklisted]
        found[BLACKLIST] = "".join(lines).encode()
    return found


def overlay_tar(recipe: Recipe) -> bytes:
    """The same as a tar that does not depend on who checked the files out, or how."""
    return tar_of(overlay_files(recipe).items(), epoch=recipe.epoch)


def tar_of(files: Iterable[tuple[str, bytes]], *, epoch: int) -> bytes:
    """A tar of root's files in their order, with the folders above them."""
    written = io.BytesIO()
    made: set[str] = set()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in sorted(files):
            for folder in reversed([str(one) for one in Path(name).parents][:-1]):
                if folder not in made:
                    made.add(folder)
                    tar.addfile(_entry(folder, epoch=epoch, folder=True))
            entry = _entry(name, epoch=epoch, folder=False)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return written.getvalue()


def _entry(name: str, *, epoch: int, folder: bool) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = tarfile.DIRTYPE if folder else tarfile.REGTYPE
    entry.mode = 0o755 if folder or name.startswith(EXECUTABLE) else 0o644
    entry.mtime = epoch
    return entry


def _unpacking(tar: Path) -> str:
    return f'tar --extract --keep-directory-symlink --file={shlex.quote(str(tar))} --directory="$1"'


def _forget_this_build(root: Path) -> None:
    for pattern in OF_THIS_BUILD:
        for found in root.glob(pattern):
            if found.is_dir() and not found.is_symlink():
                shutil.rmtree(found)
            else:
                found.unlink()
    # Empty, not absent: then each boot has its own without calling itself a first boot.
    (root / "etc/machine-id").write_bytes(b"")


def boot_files(root: Path) -> tuple[Path, Path, Path, str]:
    """Kernel, initrd and loader in a root, and the kernel's release."""
    kernels = sorted((root / "boot").glob("vmlinuz-*"))
    if len(kernels) != 1:
        raise BuildFailed(
            f"the root has {len(kernels)} kernels, an image has one",
            hint="name exactly one kernel package in the recipe",
        )
    release = kernels[0].name.removeprefix("vmlinuz-")
    initrd = root / "boot" / f"initrd.img-{release}"
    loader = root / "usr/lib/systemd/boot/efi/systemd-bootx64.efi"
    for one in (initrd, loader):
        if not one.is_file():
            raise BuildFailed(
                f"the root has no {one.relative_to(root)}",
                hint="leave initramfs-tools and systemd-boot-efi to podyard, in this suite",
            )
    return kernels[0], initrd, loader, release
