"""What a site says of its hosts' operating systems, as data and nothing else.

A playbook's values come from one file of the site's, read once and checked here, field by field:
no text of it is ever taken for a template, a path outside the places named or an option of a
program. Whatever it leaves out is as it is: a role without packages installs none, and only says
when what it needs is not there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pods.document import read_document
from pods.errors import PodsError, shown

ERRORS_SHOWN_MAX = 20

Package = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.-]{0,127}(=[0-9A-Za-z.+:~-]{1,64})?$")]
"""A package of the host's distribution, with a version where one is wanted."""
Unit = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9@_.-]{0,127}$")]
Account = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,30}$")]
PublicKey = Annotated[
    str, Field(pattern=r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/=]+$")
]
Parameter = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[A-Za-z0-9_-]+){1,7}$")]
HostName = Annotated[str, Field(pattern=r"^[0-9A-Za-z:][0-9A-Za-z.:-]{0,252}$")]
Url = Annotated[str, Field(pattern=r"^(https|file)://[!-~]{1,512}$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9./_-]{0,127}$")]
Suite = Annotated[str, Field(pattern=r"^(\./|[A-Za-z0-9][A-Za-z0-9./_-]{0,127})$")]
"""`./`: an archive that is one folder."""
AbsolutePath = Annotated[str, Field(pattern=r"^(/\.?[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}){1,16}$")]


class Values(BaseModel):
    """The base of what a site says: frozen, and no unknown field passes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Repository(Values):
    """An archive of packages, and the key that signs it; none is taken unsigned."""

    uri: Url
    suites: Annotated[tuple[Suite, ...], Field(min_length=1, max_length=8)]
    components: tuple[Word, ...] = ()
    key: Annotated[str, Field(max_length=16384, pattern=r"^-----BEGIN PGP PUBLIC KEY BLOCK-----")]
    """OpenPGP, armored."""


class User(Values):
    """An account that people or programs log in with."""

    keys: Annotated[tuple[PublicKey, ...], Field(max_length=64)] = ()
    groups: Annotated[tuple[Account, ...], Field(max_length=16)] = ()
    shell: AbsolutePath = "/bin/bash"


class Base(Values):
    """What every host gets."""

    time_servers: Annotated[tuple[HostName, ...], Field(max_length=8)] = ()
    """None: those that the image brings."""
    sysctl: Annotated[dict[Parameter, Annotated[int, Field(ge=0)]], Field(max_length=128)] = Field(
        default_factory=dict
    )
    """Kernel parameters besides podyard's own."""
    hugepages_2mib: Annotated[int, Field(ge=0, le=16_777_216)] = 0
    packages: Annotated[tuple[Package, ...], Field(max_length=128)] = ()
    repositories: Annotated[dict[Account, Repository], Field(max_length=16)] = Field(
        default_factory=dict
    )
    users: Annotated[dict[Account, User], Field(max_length=64)] = Field(default_factory=dict)


class Stack(Values):
    """Packages, and the services of theirs that run."""

    packages: Annotated[tuple[Package, ...], Field(max_length=128)] = ()
    services: Annotated[tuple[Unit, ...], Field(max_length=32)] = ()


class Nvidia(Stack):
    """The driver of NVIDIA's accelerators, and what belongs to it."""

    services: tuple[Unit, ...] = ("nvidia-persistenced",)
    fabric_manager: Unit = "nvidia-fabricmanager"
    """Started where the accelerators hang on NVSwitches and the service is installed."""
    dcgm: Unit = "nvidia-dcgm"
    """Started where it is installed."""


class Rdma(Stack):
    """The compute network: one rail for each accelerator."""

    mtu: Annotated[int, Field(ge=1280, le=65520)] | None = None
    speed_gbps_min: Annotated[int, Field(ge=1)] = 100
    """What makes an interface a rail."""


class Cache(Values):
    """Data drives as a cache that may be lost: blank ones get a file system, others are left."""

    mount: AbsolutePath = "/var/lib/podyard/cache"
    capacity_gib_min: Annotated[int, Field(ge=1)] = 400


class AgentValues(Values):
    """podyard's own agent, which supervises Ray on the host."""

    python: AbsolutePath = "/opt/podyard/bin/python"
    """The interpreter of its environment; with a requirement, the environment is made."""
    requirement: Annotated[str, Field(pattern=r"^(podyard[!-~]{0,200})?$")] = ""
    """As pip takes it: `podyard[worker]==1.2.0`. Empty: it is there already."""
    index: Url | None = None
    """Where pip finds it; None: where the host's own settings say."""
    environment: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")], AbsolutePath],
        Field(max_length=16),
    ] = Field(default_factory=dict)


class SiteValues(Values):
    """Everything that a site's file may say."""

    base: Base = Base()
    nvidia: Nvidia | None = Nvidia()
    """None: its accelerators' driver is not podyard's affair."""
    amd: Stack | None = Stack()
    rdma: Rdma | None = Rdma()
    cache: Cache | None = None
    """None: no drive is touched."""
    agent: AgentValues | None = None
    """None: whoever runs the host installs it."""

    @classmethod
    def read(cls, path: Path | None) -> SiteValues:
        """A site's file, or nothing said; PodsError names what is wrong in it."""
        if path is None:
            return cls()
        try:
            said: Any = read_document(path)
        except PodsError as error:
            raise PodsError(
                str(error).replace("spec", "playbook values", 1), hint=error.hint
            ) from error
        try:
            return cls.model_validate(said)
        except ValidationError as error:
            lines = [
                f"{'.'.join(map(str, one['loc'])) or 'values'}: {one['msg']}, "
                f"got {shown(str(one['input']))}"
                for one in error.errors()[:ERRORS_SHOWN_MAX]
            ]
            raise PodsError(
                f"{path} holds no playbook values:\n" + "\n".join(lines),
                hint="docs/guides/configuring.md lists what may be said",
            ) from error
