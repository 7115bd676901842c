"""What lets a host take part in its cluster, as files that only their owner may read.

Written anew before every start of Ray, so that what somebody changed since is not used, and gone
with the order. The cluster's records are gone with it too, except a head's own while it only
restarts: a head that forgot its jobs would be a new cluster under an old name.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from inventory.agents import RayOrder
from runtime.place import Place
from runtime.raycommand import store_of


def write_secrets(order: RayOrder, place: Place) -> None:
    """The token, and the certificates where the cluster has any."""
    _write(place.ray_token, order.token)
    if order.tls is not None:
        _write(place.ray_tls / "ca.pem", order.tls.ca_pem)
        _write(place.ray_tls / "certificate.pem", order.tls.certificate_pem)
        _write(place.ray_tls / "key.pem", order.tls.key_pem)


def forget_secrets(place: Place) -> None:
    """None of them are left."""
    place.ray_token.unlink(missing_ok=True)
    shutil.rmtree(place.ray_tls, ignore_errors=True)


def keep_only_store(order: RayOrder | None, place: Place) -> None:
    """What other clusters' heads knew on this host goes; this one's stays, or begins empty."""
    kept = store_of(order, place) if order is not None and order.role == "head" else None
    if place.ray_store.is_dir():
        for entry in place.ray_store.iterdir():
            if entry != kept:
                shutil.rmtree(entry, ignore_errors=True)
    if kept is not None:
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
