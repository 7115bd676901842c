"""Writes of a resource's records: one or many, all or each, checked before anything is written.

What a request wants is turned into deeds first, each with the record before and after it; a deed
that changes nothing is dropped, so that sending the same again moves no version and no history.
Then the deeds are one change of the store. Only a request that says `atomic=false` is cut up.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ValidationError

from inventory.auth import Actor
from inventory.deps import ApiDeps
from inventory.errors import Conflict, StaleWrite, StoreUnavailable
from inventory.model import Record
from inventory.refusals import Refused
from inventory.resources import naming
from inventory.resources.bodies import Given, Item
from inventory.resources.declaring import Resource, Writes
from inventory.resources.outcomes import (
    Mode,
    Outcome,
    Planned,
    Written,
    refuse_any,
    refused_body,
    wrong,
)
from inventory.resources.preconditions import changed_meanwhile, same
from inventory.resources.reading import Reader, etag_of
from inventory.resources.recording import Deed, Who, change_of_deeds
from inventory.store.outline import Row
from inventory.store.protocol import PAGE_MAX
from inventory.store.query import Condition, Query
from inventory.store.reading import key_of

log = logging.getLogger("podyard.inventory")

WRITE_TRIES = 5
"""The loop writes each host a few times a second at most."""


class Writer:
    """Writes the records of one resource."""

    def __init__(self, reader: Reader) -> None:
        if reader.resource.writes is None:
            raise ValueError(f"{reader.resource.plural} are not written this way")
        self.resource: Resource = reader.resource
        self.writes: Writes = reader.resource.writes
        self._reader = reader

    def create(
        self, deps: ApiDeps, actor: Actor, who: Who, items: Sequence[Item], *, mode: Mode
    ) -> list[Outcome]:
        """New records, in the order in which they were given."""

        def plan() -> list[Planned]:
            made = [self._new(item, deps.clock.now(), who) for item in items]
            found = self._allowed(actor, naming.referring(self.writes, deps, self._alone(made)))
            return self._unclaimed(deps, found)

        return self._carry_out(deps, who, plan, mode=mode)

    def change(
        self,
        deps: ApiDeps,
        actor: Actor,
        who: Who,
        items: Sequence[Item],
        *,
        mode: Mode,
        if_match: str = "",
    ) -> list[Outcome]:
        """Changed records. Each item says by `id` or `name` which one it is about."""

        def plan() -> list[Planned]:
            found: list[Planned] = []
            for named in self._named(deps, actor, items):
                if isinstance(named, Refused):
                    found.append(named)
                else:
                    found.append(self._changed(*named, if_match))
            return self._allowed(actor, naming.referring(self.writes, deps, found))

        return self._carry_out(deps, who, plan, mode=mode, tries=1 if if_match else WRITE_TRIES)

    def remove(
        self,
        deps: ApiDeps,
        actor: Actor,
        who: Who,
        items: Sequence[Item],
        *,
        mode: Mode,
        if_match: str = "",
    ) -> list[Outcome]:
        """Removed records; one that another record names is kept."""

        def plan() -> list[Planned]:
            found: list[Planned] = []
            for named in self._named(deps, actor, items):
                if isinstance(named, Refused):
                    found.append(named)
                    continue
                item, row, record = named
                if if_match and not same(if_match, etag_of(row)):
                    found.append(changed_meanwhile(self.resource, row, if_match))
                else:
                    held = naming.held(self.resource.noun, self.writes, deps, record)
                    message = str(item.get("changelog_message", ""))[:200]
                    found.append(held or Deed(before=record, after=None, message=message))
            return self._allowed(actor, found)

        return self._carry_out(deps, who, plan, mode=mode, tries=1 if if_match else WRITE_TRIES)

    def put(
        self, deps: ApiDeps, actor: Actor, who: Who, item: Given, *, if_match: str = ""
    ) -> Outcome:
        """The record of this name as it is described: made, changed, or left as it is."""
        body = self._body(self.writes.create, item)
        if isinstance(body, Refused):
            raise body
        key = self._natural_key(body.model_dump())
        for _ in range(WRITE_TRIES):
            existing = self._existing(deps, [key]).get(key)
            if existing is None:
                if if_match:
                    raise Refused(
                        412,
                        "changed-meanwhile",
                        f"there is no {self.resource.noun} of this name yet",
                        hint="leave If-Match out to create it",
                    )
                try:
                    (made,) = self.create(deps, actor, who, [item], mode=Mode.ONE)
                except Refused as refused:
                    if refused.status == 409:  # noqa: PLR2004 - HTTP's; somebody was faster
                        continue
                    raise
                return made
            given = {n: v for n, v in item.items() if n in self.writes.change.model_fields}
            given |= {"id": key_of(existing)}
            (done,) = self.change(deps, actor, who, [given], mode=Mode.ONE, if_match=if_match)
            return done
        raise StaleWrite(f"{self.resource.noun} {key} changed while it was written")

    def _new(self, item: Item, now: datetime, who: Who) -> Deed | Refused:
        if isinstance(item, Refused):
            return item
        body = self._body(self.writes.create, item)
        if isinstance(body, Refused):
            return body
        given: dict[str, Any] = {n: getattr(body, n) for n in type(body).model_fields}
        message = str(given.pop("changelog_message", ""))
        if self.writes.generated_key:
            given["id"] = str(uuid.uuid4())
        if self.writes.stamp is not None:
            given |= self.writes.stamp(now, who.name)
        custom = given.get("custom")
        if custom is not None:
            given["custom"] = {name: value for name, value in custom.items() if value is not None}
        try:
            record = self.resource.kind(**given, **self.writes.fixed)
        except ValidationError as error:
            return refused_body(error, type(body))
        return Deed(before=None, after=record, message=message)

    def _changed(self, item: Given, row: Row, record: Record, if_match: str) -> Planned:
        if if_match and not same(if_match, etag_of(row)):
            return changed_meanwhile(self.resource, row, if_match)
        selectors = {"id"} if "id" in item else {"name"}
        given = {name: value for name, value in item.items() if name not in selectors}
        body = self._body(self.writes.change, given)
        if isinstance(body, Refused):
            return body
        fields: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}
        message = str(fields.pop("changelog_message", ""))
        add, remove = fields.pop("add_tags", ()), fields.pop("remove_tags", ())
        if add or remove:
            tags = [*fields.get("tags", getattr(record, "tags", ())), *add]
            fields["tags"] = tuple(t for t in dict.fromkeys(tags) if t not in set(remove))
        if "custom" in fields:
            merged = {**getattr(record, "custom", {}), **fields["custom"]}
            fields["custom"] = {n: v for n, v in merged.items() if v is not None}
        fresh = record.model_copy(update=fields)
        if fresh == record:
            return Written(record=record, row=row, changed=False)
        return Deed(record, fresh, message, created_at=row.created_at)

    def _body(self, kind: type[BaseModel] | None, item: Given) -> BaseModel | Refused:
        if kind is None:
            raise TypeError(f"{self.resource.plural} are not made this way")
        try:
            return kind.model_validate(item)
        except ValidationError as error:
            return refused_body(error, kind)

    def _named(
        self, deps: ApiDeps, actor: Actor, items: Sequence[Item]
    ) -> list[tuple[Given, Row, Record] | Refused]:
        """Each item with the record that it is about, as this actor may see it."""
        rows: dict[str, Row] = {}
        records: dict[str, Record] = {}
        objects = [item for item in items if not isinstance(item, Refused)]
        wanted = {
            "key": [str(i["id"]) for i in objects if "id" in i],
            "name": [str(i["name"]) for i in objects if "id" not in i and "name" in i],
        }
        by_name: dict[str, list[str]] = {}
        column = self.resource.filters["name"].column if "name" in self.resource.filters else "key"
        for what, values in wanted.items():
            for start in range(0, len(values), PAGE_MAX):
                part = tuple(values[start : start + PAGE_MAX])
                asked = Condition("key" if what == "key" else column, "in", part)
                found = self._reader.rows(deps, actor, asked)
                rows |= {row.key: row for row in found}
        for key, record in deps.store.get_many(self.resource.kind, list(rows)).items():
            records[key] = record
            by_name.setdefault(str(getattr(record, "name", key)), []).append(key)
        return self._each_once(
            item if isinstance(item, Refused) else self._one_named(item, rows, records, by_name)
            for item in items
        )

    def _each_once(
        self, named: Iterable[tuple[Given, Row, Record] | Refused]
    ) -> list[tuple[Given, Row, Record] | Refused]:
        """A record that comes again is refused: the second change would meet the first."""
        seen: set[str] = set()
        found: list[tuple[Given, Row, Record] | Refused] = []
        for one in named:
            if isinstance(one, Refused):
                found.append(one)
                continue
            item, row, _ = one
            if row.key in seen:
                value = str(item.get("id", item.get("name")))
                found.append(wrong("id", value, "it is named twice here", "send one item for each"))
            else:
                found.append(one)
            seen.add(row.key)
        return found

    def _one_named(
        self,
        item: Given,
        rows: Mapping[str, Row],
        records: Mapping[str, Record],
        by_name: Mapping[str, list[str]],
    ) -> tuple[Given, Row, Record] | Refused:
        if "id" not in item and "name" not in item:
            return wrong("id", "", "each item says which one it is about", "give id or name")
        keys = [str(item["id"])] if "id" in item else by_name.get(str(item["name"]), [])
        known = [key for key in keys if key in records]
        if not known:
            named = str(item.get("id", item.get("name")))[:80]
            hint = f"see `podyard {self.resource.command}`"
            message = f"no {self.resource.noun} {named!r}"
            return Refused(404, "not-found", message, hint=hint, path="id", value=named)
        if len(known) > 1:
            listed = ", ".join(known[:10])
            return wrong("name", str(item["name"]), "several are called so", f"ids: {listed}")
        (key,) = known
        record = records[key]
        row = rows[key]
        version = getattr(record, "version", row.version)
        fresh = Row(row.key, version, row.created_at, row.updated_at)
        return item, (row if version == row.version else fresh), record

    def _natural_key(self, fields: Mapping[str, Any]) -> str:
        return "/".join(str(fields[name]) for name in self.writes.natural)

    def _key_of_deed(self, deed: Deed) -> str:
        return "/".join(str(getattr(deed.after, name)) for name in self.writes.natural)

    def _existing(self, deps: ApiDeps, keys: Sequence[str]) -> dict[str, Record]:
        """Records by natural key: what people would call the same thing."""
        if not self.writes.natural:
            return {}
        if self.writes.natural == ("name",) and not self.writes.generated_key:
            return dict(deps.store.get_many(self.resource.kind, keys))
        found: dict[str, Record] = {}
        for start in range(0, len(keys), PAGE_MAX):
            part = tuple(keys[start : start + PAGE_MAX])
            query = Query((Condition("slug", "in", part),), limit=PAGE_MAX, counted=False)
            for record in deps.store.search(self.resource.kind, query).records:
                key = "/".join(str(getattr(record, name)) for name in self.writes.natural)
                found[key] = record
        return found

    def _alone(self, found: Sequence[Deed | Refused]) -> list[Planned]:
        """Two items of one request that describe the same thing."""
        seen: set[str] = set()
        kept: list[Planned] = []
        for one in found:
            if isinstance(one, Deed) and self.writes.natural:
                key = self._key_of_deed(one)
                if key in seen:
                    twice = wrong("name", key, "twice in this request", "send it once")
                    kept.append(twice)
                    continue
                seen.add(key)
            kept.append(one)
        return kept

    def _unclaimed(self, deps: ApiDeps, found: Sequence[Planned]) -> list[Planned]:
        keys = [self._key_of_deed(one) for one in found if isinstance(one, Deed)]
        taken = self._existing(deps, keys)
        if not taken:
            return list(found)
        return [
            self._taken(taken[self._key_of_deed(one)])
            if isinstance(one, Deed) and self._key_of_deed(one) in taken
            else one
            for one in found
        ]

    def _taken(self, existing: Record) -> Refused:
        key = key_of(existing)
        name = str(getattr(existing, "name", key))
        return Refused(
            409,
            "conflict",
            f"{self.resource.noun} {name} exists already",
            path="name",
            value=name,
            existing=key,
            hint=f"change it: PATCH /api/{self.resource.plural}/{key}; or PUT it by its name",
        )

    def _allowed(self, actor: Actor, found: Sequence[Planned]) -> list[Planned]:
        """At its sites alone, before and after."""
        sites = actor.sites_for(self.writes.permission)
        if sites is None:
            return list(found)
        field = "name" if self.resource.site == "key" else self.resource.site
        return [
            self._elsewhere(one, sites)
            if isinstance(one, Deed)
            and not (
                field
                and all(
                    getattr(record, field) in sites
                    for record in (one.before, one.after)
                    if record is not None
                )
            )
            else one
            for one in found
        ]

    def _elsewhere(self, deed: Deed, sites: frozenset[str]) -> Refused:
        return Refused(
            403,
            "forbidden",
            f"this {self.resource.noun} is not at a site where you may write",
            path="site",
            value=str(getattr(deed.record, self.resource.site or "site", "")),
            hint=f"yours: {', '.join(sorted(sites))}; ask an admin for a role at that site",
        )

    def _carry_out(
        self,
        deps: ApiDeps,
        who: Who,
        plan: Callable[[], list[Planned]],
        *,
        mode: Mode,
        tries: int = WRITE_TRIES,
    ) -> list[Outcome]:
        """Plan, and write; plan anew when somebody was faster."""
        last: Exception = StaleWrite(f"{self.resource.plural} changed while they were written")
        for _ in range(tries):
            planned = plan()
            now = deps.clock.now()
            if mode is not Mode.EACH:
                refuse_any(planned, mode)
            try:
                self._apply(deps, who, [one for one in planned if isinstance(one, Deed)], now)
            except (StaleWrite, Conflict) as error:
                last = error
                continue
            return [_written(one, now) if isinstance(one, Deed) else one for one in planned]
        if isinstance(last, Conflict):
            raise last
        raise StaleWrite(str(last), hint="read it again, then send the request again") from last

    def _apply(self, deps: ApiDeps, who: Who, deeds: Sequence[Deed], now: datetime) -> None:
        if deeds:
            change = change_of_deeds(
                deeds, noun=self.resource.noun, who=who, now=now, heavy=self.resource.unrecorded
            )
            bound = replace(
                change,
                needs=tuple(naming.needs_of(self.writes, deps.store, deeds)),
                unnamed=tuple(naming.unnamed_after(self.writes, deeds)),
            )
            deps.store.apply(bound, now=now)
            self._wake(deps, deeds)

    def _wake(self, deps: ApiDeps, deeds: Sequence[Deed]) -> None:
        """After the write: a look that was under way meanwhile saw things as they were.

        What was written is written. A database that is away by now has its hosts looked at in their
        turn, and whoever wrote must not be told that nothing was.
        """
        pod_of = self.writes.wakes
        if pod_of is None:
            return
        told = (one for deed in deeds for one in (deed.before, deed.after) if one is not None)
        for pod in sorted({pod_of(one) for one in told} - {""}):
            try:
                deps.store.wake_hosts(now=deps.clock.now(), pod=pod)
            except StoreUnavailable as error:
                log.warning("nobody was woken", extra={"pod": pod, "cause": str(error)})


def _written(deed: Deed, now: datetime) -> Written:
    version = getattr(deed.before, "version", 0) + 1
    created = now.timestamp() if deed.before is None else deed.created_at
    row = Row(key_of(deed.record), version, created, now.timestamp())
    return Written(record=deed.after, row=row, new=deed.before is None)
