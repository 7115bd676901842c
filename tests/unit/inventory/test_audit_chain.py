"""The audit log: nobody can forget to write it, and nobody can change it unseen."""

from __future__ import annotations

import asyncio
import itertools
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.routing import APIRoute

from inventory.audit import AuditEntry, Fault, Head, Said, Verification, chained, hash_of
from inventory.audit_anchors import Anchors, read_anchor
from inventory.audit_log import AuditLog
from inventory.errors import StoreUnavailable
from inventory.forgery import SAFE_METHODS
from inventory.store.reading import every
from inventory.store.sql import SqlStore
from inventory.store.tables import KINDS, audit_key
from tests.unit.inventory.conftest import Site
from tests.unit.inventory.records import NOW, FixedClock


def log_of(count: int) -> list[AuditEntry]:
    said = (
        Said(at=NOW, actor=f"user u{n}", action="POST /x", subject=f"/x/{n}", outcome="200")
        for n in range(count)
    )
    return chained(Head(), said)


def faults(entries: list[AuditEntry]) -> list[Fault]:
    return list(Verification().check(entries))


def test_a_log_as_written_has_no_fault() -> None:
    entries = log_of(20)
    assert faults(entries) == []
    assert [e.seq for e in entries] == list(range(1, 21))
    again = [AuditEntry.model_validate_json(e.model_dump_json()) for e in entries]
    assert faults(again) == []


@pytest.mark.parametrize(
    "field",
    ["at", "actor", "action", "subject", "outcome", "request_id", "address", "detail", "seq"],
)
def test_a_changed_field_is_found(field: str) -> None:
    entries = log_of(5)
    other: Any = {"at": NOW.replace(year=2031), "seq": 9}.get(field, "else")
    entries[2] = entries[2].model_copy(update={field: other})
    found = faults(entries)
    assert found[0].seq in {3, 9}
    assert "changed" in found[0].what


def test_an_entry_made_anew_does_not_fit_its_follower() -> None:
    entries = log_of(5)
    other = entries[2].model_copy(update={"actor": "user nobody"})
    entries[2] = other.model_copy(update={"hash": hash_of(other)})
    assert [(f.seq, "replaced" in f.what) for f in faults(entries)] == [(4, True)]


def test_a_removed_entry_is_found() -> None:
    entries = log_of(5)
    for gone in range(4):
        kept = entries[:gone] + entries[gone + 1 :]
        assert [f.seq for f in faults(kept)] == [gone + 2], gone


def test_reordered_and_repeated_entries_are_found() -> None:
    entries = log_of(5)
    assert faults([entries[0], entries[2], entries[1], *entries[3:]])
    assert faults([*entries[:3], entries[2], *entries[3:]])


def test_a_cut_log_and_one_made_anew_do_not_end_where_the_anchor_says(tmp_path: Path) -> None:
    anchors = Anchors.open(tmp_path / "audit.key", tmp_path / "anchor.json")
    entries = log_of(5)
    anchor = anchors.sign(Head(5, entries[-1].hash), at=NOW)
    for wrong in (entries[:4], log_of(4) + chained(Head(4, "x"), [])):
        walk = Verification()
        assert list(walk.check(wrong)) == []
        assert walk.head != anchor.head
    walk = Verification()
    assert list(walk.check(entries)) == []
    assert walk.head == anchor.head


def test_an_anchor_is_genuine_only_as_it_was_signed(tmp_path: Path) -> None:
    anchors = Anchors.open(tmp_path / "audit.key", tmp_path / "anchor.json")
    anchor = anchors.sign(Head(5, "ab"), at=NOW)
    assert anchor.genuine()
    assert read_anchor(anchor.model_dump_json(), where="here").genuine()
    for change in ({"seq": 6}, {"hash": "cd"}, {"signature": "00" * 64}, {"public_key": "zz"}):
        assert not anchor.model_copy(update=change).genuine(), change
    assert (tmp_path / "audit.key").stat().st_mode & 0o077 == 0


async def entries(site: Site) -> list[AuditEntry]:
    return every(site.store, AuditEntry)


async def test_every_route_that_changes_something_is_written_down_once(
    site: Site, admin: str
) -> None:
    """Whatever comes of it: here most are refused for their empty bodies."""
    routes = [r for r in site.app.router.routes if isinstance(r, APIRoute)]
    asked = [(r, m) for r in routes for m in sorted(r.methods - SAFE_METHODS)]
    assert len(asked) > 20
    for route, method in asked:
        before = site.store.count(AuditEntry)
        path = re.sub(r"\{[^}]*\}", "nothing", route.path)
        reply = await site.ask(method, path, {}, key=admin)
        last = (await entries(site))[-1]
        said = (last.action, last.outcome, last.request_id)
        assert site.store.count(AuditEntry) == before + 1, path
        wanted = (f"{method} {route.path}", str(reply.status_code), reply.headers["x-request-id"])
        assert said == wanted
    assert faults(await entries(site)) == []


async def test_reading_is_not_written_down_and_refusals_are(site: Site) -> None:
    viewer = site.key("viewer")
    assert (await site.ask("GET", "/api/hosts", key=viewer)).status_code == 200
    assert await entries(site) == []
    assert (await site.ask("GET", "/api/keys", key=viewer)).status_code == 403
    (entry,) = await entries(site)
    assert entry.actor == f"viewer key {viewer.split('_')[1]}"
    assert (entry.action, entry.subject, entry.outcome) == ("GET /api/keys", "/api/keys", "403")
    assert entry.address == "127.0.0.1"


async def test_who_signs_in_is_named_and_what_was_typed_is_not(site: Site) -> None:
    site.put()
    await site.client.post("/sign-in", data={"user": "my secret", "password": "x"})
    viewer = site.key("viewer")
    await site.client.post("/sign-in", data={"key": viewer})
    failed, opened = await entries(site)
    assert (failed.actor, failed.action, failed.outcome) == ("nobody", "POST /sign-in", "401")
    assert "my secret" not in failed.model_dump_json()
    assert (opened.actor, opened.outcome) == (f"viewer key {viewer.split('_')[1]}", "303")
    assert viewer not in opened.model_dump_json()


async def test_strangers_cannot_fill_the_log(site: Site) -> None:
    for _ in range(50):
        assert (await site.ask("POST", "/api/tenants", {})).status_code == 401
    assert len(await entries(site)) == 30
    site.clock.moment = NOW.replace(minute=5)
    await site.ask("POST", "/api/tenants", {})
    last = (await entries(site))[-1]
    assert last.detail == "(and 20 before that are not listed)"
    assert faults(await entries(site)) == []


async def test_what_cannot_be_written_down_is_not_answered(
    site: Site, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_said: Said) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(site.app.state.audit, "record", away)
    reply = await site.ask("POST", "/api/tenants", {"name": "acme"}, key=admin)
    assert reply.status_code == 503
    assert reply.json()["error"]["kind"] == "not-audited"
    assert (await site.ask("GET", "/api/tenants", key=admin)).status_code == 200


async def test_entries_of_one_moment_take_one_write(site: Site) -> None:
    writes = 0

    @sa.event.listens_for(site.store._engine, "commit")
    def _count(_connection: Any) -> None:
        nonlocal writes
        writes += 1

    async def in_thread(call: Any, *args: Any) -> Any:
        return await asyncio.to_thread(call, *args)

    log = AuditLog(_with(site, in_thread))
    said = [Said(at=NOW, actor=f"user u{n}", action="POST /x") for n in range(100)]
    await asyncio.gather(*(log.record(one) for one in said))
    found = await entries(site)
    assert [e.actor for e in found] == [s.actor for s in said]
    assert faults(found) == []
    assert writes <= 3


def _with(site: Site, in_thread: Any) -> Any:
    return replace(site.deps, in_thread=in_thread)


async def test_two_processes_write_one_chain(site: Site, tmp_path: Path) -> None:
    other = SqlStore.open(f"sqlite:///{tmp_path / 'podyard.db'}")
    logs = [AuditLog(site.deps), AuditLog(replace(site.deps, store=other))]
    for n, log in zip(range(20), itertools.cycle(logs), strict=False):
        await log.record(Said(at=NOW, actor=f"user u{n}", action="POST /x"))
    other.close()
    found = await entries(site)
    assert [e.actor for e in found] == [f"user u{n}" for n in range(20)]
    assert faults(found) == []


async def test_the_head_is_kept_outside_of_the_database(site: Site, tmp_path: Path) -> None:
    anchors = Anchors.open(tmp_path / "audit.key", tmp_path / "anchor.json")
    log = AuditLog(replace(site.deps, anchors=anchors))
    for n in range(3):
        await log.record(Said(at=NOW, actor=f"user u{n}", action="POST /x"))
    kept, now = anchors.kept(), await log.anchor()
    assert kept is not None
    assert now is not None
    assert (kept.seq, now.seq) == (1, 3)
    await log.record(Said(at=NOW.replace(minute=2), actor="user u", action="POST /x"))
    kept = anchors.kept()
    assert kept is not None
    assert kept.seq == 4


async def test_a_log_that_was_cut_goes_on_and_does_not_replace_the_proof(
    site: Site, tmp_path: Path
) -> None:
    anchors = Anchors.open(tmp_path / "audit.key", tmp_path / "anchor.json")
    deps = replace(site.deps, anchors=anchors)
    first = AuditLog(deps)
    for minute in range(5):
        at = NOW.replace(minute=minute)
        await first.record(Said(at=at, actor=f"user u{minute}", action="POST /x"))
    proof = anchors.kept()
    assert proof is not None
    assert proof.seq == 5
    with site.store._engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM audit WHERE key > '0000000000000002'"))
    again = AuditLog(deps)
    for minute in range(10, 20):
        at = NOW.replace(minute=minute)
        await again.record(Said(at=at, actor="user thief", action="POST /x"))
    assert faults(await entries(site)) == []
    assert anchors.kept() == proof


class Ticks(FixedClock):
    """A clock whose sleepers wait for a tick."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = asyncio.Event()
        self.tick = asyncio.Event()

    async def sleep(self, delay_s: float) -> None:
        """Until somebody ticks."""
        self.asleep.set()
        await self.tick.wait()
        self.tick.clear()
        self.moment += timedelta(seconds=delay_s)


async def test_the_last_entries_of_a_log_that_rests_cannot_be_cut_off_unseen(
    site: Site, tmp_path: Path
) -> None:
    anchors, clock = Anchors.open(tmp_path / "audit.key", tmp_path / "anchor.json"), Ticks()
    log = AuditLog(replace(site.deps, anchors=anchors, clock=clock))
    for n in range(3):
        await log.record(Said(at=NOW, actor=f"user u{n}", action="POST /x"))
    keeping = asyncio.create_task(log.run())
    async with asyncio.timeout(10):
        await clock.asleep.wait()
        clock.asleep.clear()
        clock.tick.set()
        await clock.asleep.wait()
    keeping.cancel()
    kept = anchors.kept()
    assert kept is not None
    assert kept.seq == 3
    assert clock.now() - NOW <= timedelta(minutes=1)


async def test_the_head_of_another_process_is_kept_and_never_an_older_one(
    site: Site, tmp_path: Path
) -> None:
    anchors = Anchors.open(tmp_path / "audit.key", tmp_path / "anchor.json")
    mine, theirs = AuditLog(replace(site.deps, anchors=anchors)), AuditLog(site.deps)
    for log in (mine, theirs, theirs):
        await log.record(Said(at=NOW, actor="user u", action="POST /x"))
    await mine.keep_head()
    assert (kept := anchors.kept()) is not None
    assert kept.seq == 3
    mine._keep(Head(1, (await entries(site))[0].hash), NOW)
    assert anchors.kept() == kept


async def test_a_tail_cut_between_two_looks_is_noticed_at_the_next(
    site: Site, tmp_path: Path
) -> None:
    anchors = Anchors.open(tmp_path / "audit.key", tmp_path / "anchor.json")
    log = AuditLog(replace(site.deps, anchors=anchors))
    for n in range(3):
        await log.record(Said(at=NOW, actor=f"user u{n}", action="POST /x"))
    with site.store._engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM audit WHERE key > '0000000000000001'"))
    await log.keep_head()
    assert (kept := anchors.kept()) is not None
    assert kept.seq == 3


async def test_a_head_that_cannot_be_kept_holds_up_nobody(site: Site, tmp_path: Path) -> None:
    """The disk beside the database is full, or somebody put a directory there."""
    (tmp_path / "anchor.json").mkdir()
    anchors = Anchors.open(tmp_path / "audit.key", tmp_path / "anchor.json")
    log = AuditLog(replace(site.deps, anchors=anchors))
    said = Said(at=NOW, actor="user ada", action="POST /x", subject="/x", outcome="200")
    async with asyncio.timeout(10):
        await log.record(said)
    assert [e.seq for e in every(site.store, AuditEntry)] == [1]


async def test_nobody_waits_for_ever_for_a_log_with_a_bug(site: Site) -> None:
    async def in_thread(*_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError("a bug")

    log = AuditLog(_with(site, in_thread))
    said = Said(at=NOW, actor="user ada", action="POST /x", subject="/x", outcome="200")
    async with asyncio.timeout(10):
        with pytest.raises(StoreUnavailable, match="a bug"):
            await log.record(said)


@pytest.mark.parametrize(
    "changed", [{"actor": "user bob"}, {"action": "x"}, {"subject": "x"}, {"at": 60.5}]
)
async def test_an_entry_that_was_moved_in_lists_is_named(
    site: Site, admin: str, changed: dict[str, Any]
) -> None:
    for name in ("acme", "beta", "gamma"):
        await site.ask("POST", "/api/tenants", {"name": name}, key=admin)
    assert (await site.ask("GET", "/api/audit", key=admin)).json()["misfiled"] == []
    with site.store._engine.begin() as connection:
        table = KINDS[AuditEntry].table
        moved = sa.update(table).where(table.c.key == audit_key(2)).values(**changed)
        connection.execute(moved)
    page = (await site.ask("GET", "/api/audit", key=admin)).json()
    assert page["misfiled"] == [2]
    walk = [AuditEntry.model_validate(one) for one in page["results"]]
    assert faults(walk) == [], "the hashes alone tell nothing"
