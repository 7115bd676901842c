"""What the `certificate` commands do once their options are read and the time is known.

Looking (`show`) and believing (`verify`) are two commands, so that nobody takes one for the other.
Revoking and rotating are done with the signing key at hand, where the service is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pods import catalogue
from pods.answering import Output, fail, read_file, write
from pods.certificate import Statement, Verified, read_unverified, verify
from pods.envelope import ENVELOPE_MAX_BYTES, Envelope, envelope_digest
from pods.erasure import Erasure, is_erasure, verify_erasure
from pods.keys import (
    KEY_MAX_BYTES,
    Keyring,
    Purpose,
    SigningKey,
    TrustedKey,
    keyring,
    public_key_from_pem,
)
from pods.render import approved_by, render_certificate
from pods.revocation import (
    Revocations,
    RevokedCertificate,
    RevokedKey,
    issue_revocations,
    read_revocations,
)
from pods.rotation import rotate, with_rotations

NOT_CHECKED = "revocation not checked"


def trusted_ring(
    production: Sequence[Path], simulated: Sequence[Path], rotations: Sequence[Path]
) -> dict[str, TrustedKey]:
    """The keys that a person named, and those that these keys handed over to."""
    purposes: list[tuple[Path, Purpose]] = [(path, "production") for path in production]
    purposes += [(path, "simulated") for path in simulated]
    ring = keyring(
        *(
            (
                public_key_from_pem(read_file(path, limit_bytes=KEY_MAX_BYTES), source=str(path)),
                purpose,
            )
            for path, purpose in purposes
        )
    )
    return with_rotations(ring, [_envelope(path) for path in rotations])


def verify_file(
    file: Path,
    *,
    ring: Keyring,
    revocations: Path | None,
    spec: str | None,
    now: datetime,
    output: Output,
) -> None:
    """Believe a certificate, or refuse it with the rule that it broke."""
    if is_erasure(raw := _envelope(file)):
        erasure = verify_erasure(raw, ring=ring)
        said = {"verified": True, **erasure.model_dump(mode="json")}
        write(said, output, lambda: _erased(erasure))
        return
    listed = None
    if revocations is not None:
        listed = read_revocations(_envelope(revocations), ring=ring)
    wanted = None if spec is None else catalogue.load(spec)
    verified = verify(_envelope(file), ring=ring, now=now, revocations=listed, spec=wanted)
    data = {
        "verified": True,
        "key_id": verified.key_id,
        "revocation": _revocation(verified.revocations),
    }
    data |= verified.statement.model_dump(mode="json")
    write(data, output, lambda: _verified(verified))


def show_file(file: Path, *, output: Output) -> None:
    """What a certificate says. Nothing of it is proven, and the answer says so first."""
    raw = _envelope(file)
    statement = read_unverified(raw)
    data = {"verified": False, "digest": envelope_digest(raw)}
    write(
        data | statement.model_dump(mode="json"),
        output,
        lambda: _shown(statement, envelope_digest(raw)),
    )


def revoke_files(
    files: Sequence[Path],
    *,
    key_ids: Sequence[str],
    reason: str,
    previous: Path | None,
    previous_key: Path | None,
    key: SigningKey,
    now: datetime,
    valid_days: int,
) -> None:
    """Print a list that takes these back, and everything that the previous one did."""
    before = None
    if previous is not None:
        ring = key.ring()
        if previous_key is not None:
            pem = read_file(previous_key, limit_bytes=KEY_MAX_BYTES)
            ring |= keyring((public_key_from_pem(pem, source=str(previous_key)), key.purpose))
        before = read_revocations(_envelope(previous), ring=ring).list
    certificates = {one.certificate: one for one in before.certificates} if before else {}
    keys = {one.key_id: one for one in before.keys} if before else {}
    for file in files:
        digest = envelope_digest(_envelope(file))
        certificates.setdefault(
            digest, RevokedCertificate(certificate=digest, revoked_at=now, reason=reason)
        )
    for name in key_ids:
        if name == key.key_id:
            fail(
                "a key cannot revoke itself: nobody would believe the list",
                hint="sign the list with the key that replaces it",
            )
        keys.setdefault(name, RevokedKey(key_id=name, revoked_at=now, reason=reason))
    others = before.speaks_for if before else ()
    _print(
        issue_revocations(
            certificates=tuple(certificates.values()),
            keys=tuple(keys.values()),
            number=before.number + 1 if before else 1,
            key=key,
            now=now,
            valid_days=valid_days,
            replaced_keys=[
                name for name in dict.fromkeys((*others, *key_ids)) if name != key.key_id
            ],
        )
    )


def rotate_files(
    old: Path, new: Path, *, purpose: Purpose, now: datetime, overlap_days: int
) -> None:
    """Print the old key's word for the new one; a new key that is not there yet is made."""
    before = SigningKey.load(old, purpose=purpose)
    load = SigningKey.load if new.exists() else SigningKey.generate
    after = load(new, purpose=purpose)
    _print(rotate(before, after, now=now, overlap_days=overlap_days))


def _erased(erasure: Erasure) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    host = erasure.host
    table.add_row("verified", Text("a trusted key states what became of these drives"))
    table.add_row("host", Text(f"{host.name} (serial {host.serial}, slot {host.slot})"))
    table.add_row("hardware", "simulated" if erasure.simulated else "real")
    table.add_row("issued", erasure.issued_at.isoformat())
    for drive in erasure.drives:
        how = f"erased ({drive.method})" if drive.erased else "NOT erased"
        table.add_row("drive", Text(f"{drive.slot} serial {drive.serial}: {how}; {drive.note}"))
    return table


def _envelope(path: Path) -> bytes:
    return read_file(path, limit_bytes=ENVELOPE_MAX_BYTES + 1)


def _print(envelope: Envelope) -> None:
    typer.echo(envelope.to_bytes().decode())


def _revocation(found: Revocations | None) -> str:
    if found is None:
        return NOT_CHECKED
    return f"not revoked, by list {found.list.number} of {found.list.issued_at.isoformat()}"


def _verified(verified: Verified) -> RenderableType:
    said = Text(f"revocation   {_revocation(verified.revocations)}")
    if verified.revocations is None:
        said.stylize("yellow")
    return Group(render_certificate(verified), said)


def _shown(statement: Statement, digest: str) -> Table:
    said = statement.predicate
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    rating = said.rating
    for name, value in (
        ("certificate", "not verified: anybody may have written this"),
        ("digest", digest),
        ("host", f"{said.host.name} (serial {said.host.serial}, slot {said.host.slot})"),
        ("hardware", "simulated" if said.simulated else "real"),
        ("spec", f"{said.spec.identity} {said.spec.digest}"),
        *(("firmware", f"{name} {version}") for name, version in said.firmware.items()),
        *(("floor", str(line)) for line in said.results),
        ("rating", f"{rating.b200_equivalents:.4g} B200-equivalents for {rating.profile}"),
        ("issued", said.issued_at.isoformat()),
        ("expires", said.expires_at.isoformat()),
        ("approved", approved_by(said)),
    ):
        table.add_row(name, Text(value))
    return table
