"""The interoperability profiles that a site keeps, and how a BMC is held against them.

Profiles are published by others under their own terms, so none is shipped: a site puts the files
that its specs name into one folder. A spec that names one which is not there parks its hosts with
the name, and never passes them unchecked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pods.errors import PodsError
from pods.interop import Profile, Tree, check, chosen, read_profile
from pods.match_finding import Mismatch, blocks
from provisioning.findings import shortened

FILE_BYTES_MAX = 4 * 1024 * 1024
"""The largest that OCP publishes has 0.1 MiB."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The profiles at hand."""

    profiles: tuple[Profile, ...] = ()

    @classmethod
    def read(cls, folder: Path | None) -> Shelf:
        """Every `*.json` of a folder; a file that is no profile stops the start and is named."""
        if folder is None:
            return cls()
        if not folder.is_dir():
            raise PodsError(
                f"{folder} is no folder",
                hint="PODYARD_PROVISIONING_PROFILES names the folder that holds the profiles",
            )
        return cls(tuple(_read(path) for path in sorted(folder.glob("*.json"))))

    def judge(self, named: Sequence[str], tree: Tree) -> tuple[Mismatch, ...]:
        """What these resources miss of the profiles of these names."""
        try:
            wanted = chosen(named, self.profiles)
        except PodsError as error:
            return (_not_there(named, error),)
        return shortened(check(wanted, tree).findings)


def _read(path: Path) -> Profile:
    if path.stat().st_size > FILE_BYTES_MAX:
        raise PodsError(
            f"{path} has more than {FILE_BYTES_MAX} bytes", hint="it is no profile: take it away"
        )
    return read_profile(path.read_text(encoding="utf-8"), name=str(path))


def _not_there(named: Sequence[str], error: PodsError) -> Mismatch:
    return blocks(
        "profiles",
        ", ".join(named),
        str(error),
        meaning="nobody can say whether this BMC does what the spec requires of it",
        remedy="put the profile's file into the folder PODYARD_PROVISIONING_PROFILES and start "
        "the service again",
    )
