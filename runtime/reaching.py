"""Where a head's relay sockets lie, as the controller's machine sees them.

An agent names its relays relative to its run directory, because it sees that directory under
another path. The name comes from a host, and a host may be hostile: a name that led out of the
run directory would make us talk to a socket of the host's choice, with a cluster's token.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from inventory.model import Host

DASHBOARD, SERVE = "dashboard", "serve"


class UnreachableError(Exception):
    """There is no socket of this name that may be used."""


def relay_socket(host: Host, name: str) -> Path:
    """The socket `name` (as reported, such as `relay/serve.sock`) of a simulated host.

    Refuses whatever is not plainly below the host's run directory, symbolic links included.
    """
    if not host.root:
        raise UnreachableError(
            f"host {host.name} does not run on this machine, so its relays are not reachable"
        )
    run = Path(host.root).parent / "run"
    parts = PurePosixPath(name).parts
    if not parts or any(part in {"/", "..", "."} for part in parts) or "\0" in name:
        raise UnreachableError(f"host {host.name} reports the relay {name!r}, which is no name")
    path = run.joinpath(*parts)
    if path.resolve() != run.resolve().joinpath(*parts):
        raise UnreachableError(
            f"host {host.name} reports the relay {name!r}, which leads out of its run directory"
        )
    return path
