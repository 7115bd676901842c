"""A backup holds one moment of the records, and a restore brings exactly that back, or refuses."""

from __future__ import annotations

import itertools
import os
import sqlite3
import stat
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from inventory.backup import _digest, back_up, inspect
from inventory.backup_restore import EVENTS_SKIPPED, restore
from inventory.errors import Conflict, Invalid, SecretRefused
from inventory.keys import mint
from inventory.model import ApiKey, Event, Host, UsageRecord
from inventory.restored import confirm, watching_only
from inventory.secrets import SecretBox
from inventory.sessions import open_session
from inventory.statedir import StateDirectory
from inventory.store.protocol import Change
from inventory.store.query import Condition, Query
from inventory.store.sql import SqlStore
from inventory.users import Session
from tests.unit.inventory.records import NOW, FixedClock, make_facts, make_host, make_usage

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    """A service's directory with a key; the embedded database lies where `url` says."""
    directory = StateDirectory(tmp_path / "state")
    SecretBox.open(directory.secret_key)
    return directory


@pytest.fixture
def box(state: StateDirectory) -> SecretBox:
    return SecretBox.open(state.secret_key)


@pytest.fixture
def database(url: str) -> str:
    """What the service's --database would be."""
    return "" if url.startswith("sqlite") else url


def event(kind: str, why: str = "") -> Event:
    return Event(at=NOW, actor="test", kind=kind, subject="host:r1-h1", why=why)


def fill(store: SqlStore, box: SecretBox) -> None:
    hosts = tuple(make_host(n, facts=make_facts(), tags=("blue",)) for n in range(60))
    sealed = box.seal(hosts[0].id, "bmc-password", SecretStr("hunter2"))
    change = Change(
        insert=(*hosts, make_usage()),
        events=(event("first"), event("second", "quote \"and' ünï\x1f")),
        secrets={(hosts[0].id, "bmc-password"): sealed},
    )
    store.apply(change, now=NOW)
    store.take_lease("provisioning", "gone", now=NOW, until=NOW, alone=False)


def test_what_is_restored_is_what_was_backed_up(
    store: SqlStore, url: str, database: str, state: StateDirectory, box: SecretBox, tmp_path: Path
) -> None:
    fill(store, box)
    manifest = back_up(url, tmp_path / "b.db", box=box, now=NOW)
    assert manifest.rows["hosts"] == 60
    assert stat.S_IMODE((tmp_path / "b.db").stat().st_mode) == 0o600
    store.apply(Change(insert=(make_host(9000),), remove=(make_host(1),)), now=LATER)
    store.close()
    restore(tmp_path / "b.db", state, database=database, force=True, now=LATER, actor="ann")
    again = SqlStore.open(url)
    try:
        assert again.count(Host) == 60
        assert again.get(Host, make_host(1).id) == make_host(1, facts=make_facts(), tags=("blue",))
        blue = Query(conditions=(Condition("tag", "exact", ("blue",)),), limit=1)
        assert again.search(Host, blue).total == 60
        assert again.count(UsageRecord) == 1
        sealed = again.secret(make_host(0).id, "bmc-password")
        assert sealed is not None
        opened = box.unseal(make_host(0).id, "bmc-password", sealed)
        assert opened.get_secret_value() == "hunter2"
        kinds = [(e.kind, e.why) for e in again.events()][:2]
        assert kinds == [("first", ""), ("second", "quote \"and' ünï\x1f")]
        fence = again.take_lease("provisioning", "new", now=NOW, until=LATER, alone=False)
        assert fence is not None
        again.apply(Change(events=(event("after"),)), now=LATER)
        restored, after = again.events()[2:]
        assert (restored.kind, restored.actor) == ("records.restored", "ann")
        assert after.seq > restored.seq > EVENTS_SKIPPED
    finally:
        again.close()


def test_after_a_restore_nothing_may_act_until_a_person_says_so(
    store: SqlStore, url: str, database: str, state: StateDirectory, box: SecretBox, tmp_path: Path
) -> None:
    fill(store, box)
    assert watching_only(store) == ""
    back_up(url, tmp_path / "b.db", box=box, now=NOW)
    store.close()
    restore(tmp_path / "b.db", state, database=database, force=True, now=LATER, actor="ann")
    again = SqlStore.open(url)
    try:
        assert "2030-05-01" in watching_only(again)
        assert "podyard restore --confirm" in watching_only(again)
        assert confirm(again, clock=FixedClock(LATER), actor="bob") != ""
        assert watching_only(again) == ""
        assert again.events()[-1].kind == "records.confirmed"
        assert confirm(again, clock=FixedClock(LATER), actor="bob") == ""
    finally:
        again.close()


def test_nobody_is_signed_in_after_a_restore(
    store: SqlStore, url: str, database: str, state: StateDirectory, box: SecretBox, tmp_path: Path
) -> None:
    session, _ = open_session(now=NOW, lasts=timedelta(hours=12), user="ann")
    store.apply(Change(insert=(session, make_host()), events=(event("first"),)), now=NOW)
    back_up(url, tmp_path / "b.db", box=box, now=NOW)
    store.apply(Change(remove=(session,)), now=LATER)  # ann signs out
    store.close()
    restore(tmp_path / "b.db", state, database=database, force=True, now=LATER, actor="bob")
    again = SqlStore.open(url)
    try:
        assert again.count(Session) == 0
        assert again.count(Host) == 1
    finally:
        again.close()


def test_what_was_revoked_since_stays_revoked(
    store: SqlStore, url: str, database: str, state: StateDirectory, box: SecretBox, tmp_path: Path
) -> None:
    (leaked, _), (rotated, _), (kept, _) = (mint("operator", now=NOW) for _ in range(3))
    ends = LATER + timedelta(days=1)
    rotated = rotated.model_copy(update={"revoked_at": ends})
    store.apply(Change(insert=(leaked, rotated, kept), events=(event("first"),)), now=NOW)
    back_up(url, tmp_path / "b.db", box=box, now=NOW)
    revoked = tuple(key.model_copy(update={"revoked_at": LATER}) for key in (leaked, rotated))
    fresh, _ = mint("operator", now=LATER)
    unknown = fresh.model_copy(update={"revoked_at": LATER})
    store.apply(Change(insert=(unknown,), replace=revoked), now=LATER)
    store.close()
    done = restore(tmp_path / "b.db", state, database=database, force=True, now=LATER, actor="ann")
    assert done.revoked == tuple(sorted((leaked.id, rotated.id)))
    assert not done.forgot_revocations
    again = SqlStore.open(url)
    try:
        found = {key.id: key.revoked_at for key in again.find(ApiKey)}
        assert found == {leaked.id: LATER, rotated.id: LATER, kept.id: None}
        assert leaked.id in again.events()[-1].why
    finally:
        again.close()


def test_records_that_cannot_be_asked_what_was_revoked_are_said_to_be(
    state: StateDirectory, box: SecretBox, tmp_path: Path
) -> None:
    url = state.database_url
    with closing(SqlStore.open(url)) as made:
        made.apply(Change(insert=(make_host(),)), now=NOW)
    back_up(url, tmp_path / "b.db", box=box, now=NOW)
    (state.path / "podyard.db").write_bytes(b"no database at all" * 300)
    done = restore(tmp_path / "b.db", state, force=True, now=LATER, actor="ann")
    assert done.forgot_revocations
    with closing(SqlStore.open(url)) as again:
        assert again.count(Host) == 1


def test_records_are_not_overwritten_without_being_told_to(
    store: SqlStore, url: str, database: str, state: StateDirectory, box: SecretBox, tmp_path: Path
) -> None:
    fill(store, box)
    back_up(url, tmp_path / "b.db", box=box, now=NOW)
    store.apply(Change(insert=(make_host(9000),)), now=LATER)
    with pytest.raises(Conflict, match="holds records") as told:
        restore(tmp_path / "b.db", state, database=database, now=LATER, actor="ann")
    assert "--force" in told.value.hint
    assert store.count(Host) == 61
    assert watching_only(store) == ""
    assert not list(state.path.glob(".restoring*"))


def test_a_running_service_is_not_pulled_out_from_under(
    store: SqlStore, url: str, database: str, state: StateDirectory, box: SecretBox, tmp_path: Path
) -> None:
    fill(store, box)
    back_up(url, tmp_path / "b.db", box=box, now=NOW)
    if database:
        store.take_lease("runtime", "alive", now=LATER, until=LATER + timedelta(20), alone=False)
        store.take_lease("retention", "dead", now=NOW, until=LATER + timedelta(0, 5), alone=False)
        with pytest.raises(Conflict, match=r"alive works .* lease runtime until") as told:
            restore(tmp_path / "b.db", state, database=url, force=True, now=LATER, actor="ann")
        assert f"try again in {20 * 24 * 3600} s" in str(told.value.hint)
    else:
        lock = state.lock()
        with pytest.raises(Conflict, match="another podyard service works"):
            restore(tmp_path / "b.db", state, force=True, now=LATER, actor="ann")
        os.close(lock)
    assert store.count(Host) == 60


def test_another_sites_key_is_refused(
    store: SqlStore, url: str, database: str, state: StateDirectory, box: SecretBox, tmp_path: Path
) -> None:
    fill(store, box)
    back_up(url, tmp_path / "b.db", box=SecretBox.open(tmp_path / "other.key"), now=NOW)
    with pytest.raises(SecretRefused):
        restore(tmp_path / "b.db", state, database=database, force=True, now=LATER, actor="ann")
    state.secret_key.unlink()
    with pytest.raises(SecretRefused, match="there is no key"):
        restore(tmp_path / "b.db", state, database=database, force=True, now=LATER, actor="ann")
    assert not state.secret_key.exists()
    assert store.count(Host) == 60


def damage_a_row(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE hosts SET rack = 'r9' WHERE name = 'r1-h7'")
        connection.commit()


def damage_a_page(file: Path) -> None:
    content = bytearray(file.read_bytes())
    at = content.rindex(b'"host_type"')
    content[at : at + 64] = bytes(64)
    file.write_bytes(bytes(content))


def cut(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def come_from_the_future(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9998'")
        connection.execute("DELETE FROM backup_manifest")
        connection.commit()


@pytest.mark.parametrize("harm", [damage_a_row, damage_a_page, cut, empty, come_from_the_future])
def test_a_damaged_backup_is_refused_and_nothing_is_touched(
    store: SqlStore,
    url: str,
    database: str,
    state: StateDirectory,
    box: SecretBox,
    tmp_path: Path,
    harm: object,
) -> None:
    fill(store, box)
    file = tmp_path / "b.db"
    back_up(url, file, box=box, now=NOW)
    harm(file)  # type: ignore[operator]
    with pytest.raises(Invalid):
        restore(file, state, database=database, force=True, now=LATER, actor="ann")
    assert store.count(Host) == 60
    assert watching_only(store) == ""


def test_a_backup_of_a_newer_podyard_is_refused(
    store: SqlStore, url: str, database: str, state: StateDirectory, box: SecretBox, tmp_path: Path
) -> None:
    fill(store, box)
    file = tmp_path / "b.db"
    manifest = back_up(url, file, box=box, now=NOW)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9998'")
        connection.commit()
        digests = {**manifest.digests, "alembic_version": _digest(connection, "alembic_version")[1]}
        newer = manifest.model_copy(update={"revision": "9998", "digests": digests})
        connection.execute("UPDATE backup_manifest SET manifest = ?", (newer.model_dump_json(),))
        connection.commit()
    with pytest.raises(Invalid, match="a newer podyard wrote it"):
        restore(file, state, database=database, force=True, now=LATER, actor="ann")
    assert store.count(Host) == 60


def test_no_backup_is_overwritten_and_none_is_left_half(
    store: SqlStore, url: str, box: SecretBox, tmp_path: Path
) -> None:
    fill(store, box)
    file = tmp_path / "folder" / "b.db"
    back_up(url, file, box=box, now=NOW)
    before = file.read_bytes()
    with pytest.raises(Conflict, match="exists already"):
        back_up(url, file, box=box, now=NOW)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_backup_under_load_holds_one_moment(
    store: SqlStore, second: SqlStore, url: str, box: SecretBox, tmp_path: Path
) -> None:
    """A writer moves both hosts of a pair in one change: no backup may show one of them moved."""
    pairs = [(make_host(2 * n), make_host(2 * n + 1)) for n in range(50)]
    store.apply(Change(insert=tuple(itertools.chain(*pairs))), now=NOW)
    ended = threading.Event()
    written = itertools.count()

    def write() -> None:
        for turn in itertools.count(1):
            pair = [second.get(Host, h.id) for h in pairs[turn % len(pairs)]]
            moved = tuple(h.model_copy(update={"waiting": str(turn)}) for h in pair if h)
            second.apply(Change(replace=moved, events=(event("moved", str(turn)),)), now=NOW)
            next(written)
            if ended.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            file = tmp_path / f"{number}.db"
            manifest = back_up(url, file, box=box, now=NOW)
            inspect(file)
            held = SqlStore.open(f"sqlite:///{file}")
            hosts = {h.id: h.waiting for h in held.find(Host)}
            assert [hosts[a.id] == hosts[b.id] for a, b in pairs] == [True] * len(pairs)
            moves = max((int(e.why) for e in held.events()), default=0)
            assert moves == max((int(w) for w in hosts.values() if w), default=0)
            assert manifest.last_event == held.last_event()
            held.close()
    finally:
        ended.set()
        writer.join()
    assert next(written) > 3
