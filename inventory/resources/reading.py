"""Lists and single records as bytes: found by the store, shown from lines that are kept.

Everything here runs in a thread, touches the store a few times per page and never per record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from inventory.auth import Actor
from inventory.deps import ApiDeps
from inventory.errors import NotFound
from inventory.refusals import Refused
from inventory.resources.asking import Ask, Shape, ask_of, ask_of_one
from inventory.resources.declaring import Resource, Shown, Stored
from inventory.resources.lines import LineKey, Lines, as_json
from inventory.store.outline import PAGE_MAX, Row
from inventory.store.query import CUSTOM, TAG, Condition, Query

BRIEF = Shape(brief=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what, and under which address."""

    actor: Actor
    base: str
    """`http://host:port` as the client called us: addresses in answers begin with it."""
    path: str
    query: tuple[tuple[str, str], ...]
    lines: Lines
    """What this service showed last."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One record as it is answered."""

    body: bytes
    etag: str
    fixed: bool
    """True when the tag covers all of the body, so that an equal tag means an equal body."""


class Reader:
    """Reads the records of one resource."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource

    def page(self, deps: ApiDeps, asked: Asked) -> bytes:
        """One page of the list that was asked for."""
        ask = ask_of(self.resource, asked.query)
        self._refuse_beyond(asked.actor, ask.include)
        try:
            found = deps.store.outline(self.resource.kind, self._query(ask, asked.actor))
        except ValueError as error:
            raise _wrong_cursor(ask.cursor) from error
        shown = self._shown(deps, asked, found.rows, ask.shape, ask.include)
        head = as_json(
            {
                "count": found.total,
                "next": _next(asked, ask, found.next_cursor, found.total),
                "previous": _previous(asked, ask),
            }
        )
        return head[:-1] + b',"results":[' + shown + b"]}"

    def one(self, deps: ApiDeps, asked: Asked, name: str) -> Entity:
        """One record, by its name or its id."""
        ask = ask_of_one(self.resource, asked.query)
        self._refuse_beyond(asked.actor, ask.include)
        row = self.row(deps, asked.actor, name)
        resource, shape, include, base = self.resource, ask.shape, ask.include, asked.base
        fixed = resource.detail_extra is None and not include
        lines = self._lines_of(deps, asked.lines, [row], detail=True)
        if not lines:
            raise self._absent(name)
        ((row, line),) = lines
        if fixed and shape.whole:
            return Entity(_joined([line], base), etag_of(row), fixed=True)
        stored = self.stored(deps, [row.key]).get(row.key)
        if stored is None:
            raise self._absent(name)
        shown = _parsed(line, base)
        if resource.detail_extra is not None:
            shown |= resource.detail_extra(deps, stored)
        for also in include:
            come = resource.includes[also]
            shown[also] = come.read(deps, [stored]).get(row.key, come.absent)
        cut = _cut(shown, shape, resource, include)
        return Entity(as_json(cut), etag_of(row), fixed=fixed)

    def row(self, deps: ApiDeps, actor: Actor, name: str) -> Row:
        """The one record of this name or id that the actor may see, or NotFound."""
        resource = self.resource
        found: Sequence[Row] = ()
        columns = ("name", "key") if resource.named and "name" in resource.filters else ("key",)
        for column in columns:
            if resource.filters.get("name") and column == "name":
                column = resource.filters["name"].column  # noqa: PLW2901 - the store's word for it
            conditions = (*self._scope(actor), Condition(column, "exact", (name,)))
            query = Query(conditions=conditions, limit=3, counted=False)
            found = deps.store.outline(resource.kind, query).rows
            if found:
                break
        if not found:
            raise self._absent(name)
        if len(found) > 1:
            raise Refused(
                409,
                "ambiguous",
                f"several {resource.plural} are called {name!r}",
                path="name",
                value=name,
                hint=f"ask for one by its id: {', '.join(row.key for row in found)}",
            )
        return found[0]

    def _refuse_beyond(self, actor: Actor, include: Iterable[str]) -> None:
        """What comes along is no way around what a key was narrowed to."""
        for name in include:
            needed = self.resource.includes[name].needs
            if actor.only is not None and needed not in actor.only:
                raise Refused(
                    403,
                    "forbidden",
                    f"this key was not given {needed}",
                    path="include",
                    value=name,
                    hint=f"leave {name} out, or use a key that has {needed}",
                )

    def _absent(self, name: str) -> NotFound:
        noun, command = self.resource.noun, self.resource.command
        return NotFound(f"no {noun} {name[:80]!r}", hint=f"see `podyard {command}`")

    def rows(self, deps: ApiDeps, actor: Actor, condition: Condition) -> tuple[Row, ...]:
        """The states of records that satisfy one condition and that the actor may see."""
        query = Query((*self._scope(actor), condition), limit=PAGE_MAX, counted=False)
        return deps.store.outline(self.resource.kind, query).rows

    def stored(self, deps: ApiDeps, keys: Iterable[str]) -> dict[str, Stored]:
        """Documents by key."""
        return {
            key: Stored(
                key=key,
                version=one.row.version,
                document=one.document,
                created=one.row.created,
                last_updated=one.row.updated,
            )
            for key, one in deps.store.documents(self.resource.kind, keys).items()
        }

    def lines(self, deps: ApiDeps, kept: Lines, rows: Sequence[Row]) -> list[Shown]:
        """Records as a list shows them, for an export."""
        return [_parsed(line, "") for _, line in self._lines_of(deps, kept, rows, detail=False)]

    def read_ahead(self, deps: ApiDeps, kept: Lines, *, after: str, limit: int) -> str:
        """Make the lines of some records, and say where to go on; empty at the end."""
        found = deps.store.outline(
            self.resource.kind, Query(after=after, limit=limit, counted=False)
        )
        self._lines_of(deps, kept, found.rows, detail=False)
        return found.next_cursor

    def shown_now(self, stored: Stored, base: str) -> bytes:
        """A record that was just written, as a list shows it."""
        return _joined([_line(self.resource, self.resource.show(stored))], base)

    def walk(self, deps: ApiDeps, ask: Ask, actor: Actor) -> Iterable[list[Row]]:
        """Every page of a list, for an export."""
        query = self._query(ask, actor, limit=PAGE_MAX)
        while True:
            found = deps.store.outline(self.resource.kind, query)
            yield list(found.rows)
            if not found.next_cursor:
                return
            query = Query(
                conditions=query.conditions,
                ordering=query.ordering,
                search=query.search,
                after=found.next_cursor,
                limit=query.limit,
                counted=False,
            )

    def tags(self, deps: ApiDeps, actor: Actor) -> dict[str, int]:
        """How many records of this resource that the actor may see carry each tag."""
        resource = self.resource
        placed = bool(resource.site) or actor.sites_for(resource.read) is None
        if not placed or not actor.may(resource.read):
            return {}
        return deps.store.tags(resource.kind, Query(conditions=tuple(self._scope(actor))))

    def _query(self, ask: Ask, actor: Actor, *, limit: int = 0) -> Query:
        conditions = [
            *self._scope(actor, ask),
            *(Condition(w.column, w.lookup, w.values) for w in ask.where),
            *(Condition(TAG, "exact", (tag,)) for tag in ask.tags),
            *(Condition(TAG, "n", (tag,)) for tag in ask.tags_not),
            *(Condition(f"{CUSTOM}{w.column}", "exact", w.values) for w in ask.custom),
        ]
        return Query(
            conditions=tuple(conditions),
            ordering=tuple((name.lstrip("-"), name.startswith("-")) for name in ask.ordering),
            after=ask.cursor,
            offset=ask.offset or 0,
            limit=limit or ask.limit,
            search=ask.text,
            counted=ask.counted and not limit,
        )

    def _scope(self, actor: Actor, ask: Ask | None = None) -> list[Condition]:
        """What this actor may see at all: of its tenant, at its sites."""
        resource = self.resource
        found = [Condition(column, "exact", (value,)) for column, value in resource.within.items()]
        found += [Condition(column, "empty", (False,)) for column in resource.having]
        if resource.tenant:
            asked = [
                str(value)
                for where in (ask.where if ask else ())
                if where.column == resource.tenant and where.lookup in {"exact", "in"}
                for value in where.values
            ]
            for tenant in asked:
                actor.acting_for(tenant)
            if actor.tenant:
                found.append(Condition(resource.tenant, "exact", (actor.tenant,)))
        sites = actor.sites_for(resource.read)
        if sites is not None and not resource.site:
            _refuse_unplaced(resource)
        elif sites is not None:
            found.append(Condition(resource.site, "exact", tuple(sorted(sites))))
        return found

    def _shown(
        self,
        deps: ApiDeps,
        asked: Asked,
        rows: Sequence[Row],
        shape: Shape,
        include: tuple[str, ...],
    ) -> bytes:
        lines = self._lines_of(deps, asked.lines, rows, detail=False)
        if shape.whole and not include:
            return _joined([line for _, line in lines], asked.base)
        if shape == BRIEF and not include and "url" in self.resource.brief:
            return _joined(self._brief(asked.lines, lines), asked.base)
        shown = [_parsed(line, asked.base) for _, line in lines]
        if include:
            stored = self.stored(deps, [row.key for row, _ in lines])
            for name in include:
                come = self.resource.includes[name]
                found = come.read(deps, list(stored.values()))
                for (row, _), one in zip(lines, shown, strict=True):
                    one[name] = found.get(row.key, come.absent)
        return b",".join(as_json(_cut(one, shape, self.resource, include)) for one in shown)

    def _brief(self, kept: Lines, lines: Sequence[tuple[Row, bytes]]) -> list[bytes]:
        """The short line of each record, cut from its line where it is not kept."""
        what = f"{self.resource.plural}/brief"
        keys: list[LineKey] = [(what, row.key, row.version, row.updated_at) for row, _ in lines]
        found = kept.get(keys)
        made = {
            key: as_json(_cut(_parsed(line, ""), BRIEF, self.resource))[len(b'{"url":"') :]
            for key, (_, line), short in zip(keys, lines, found, strict=True)
            if short is None
        }
        kept.put(made)
        return [short or made[key] for key, short in zip(keys, found, strict=True)]

    def _lines_of(
        self, deps: ApiDeps, kept: Lines, rows: Sequence[Row], *, detail: bool
    ) -> list[tuple[Row, bytes]]:
        """Each row with its line, made where none is kept; a record that is gone by now is not."""
        resource = self.resource
        show = resource.show_detail if detail and resource.show_detail else resource.show
        what = resource.plural if show is resource.show else f"{resource.plural}/one"
        keys: list[LineKey] = [(what, row.key, row.version, row.updated_at) for row in rows]
        lines = kept.get(keys)
        missing = {key[1]: key for key, line in zip(keys, lines, strict=True) if line is None}
        if not missing:
            return [(row, line) for row, line in zip(rows, lines, strict=True) if line is not None]
        made: dict[str, bytes] = {}
        fresh: dict[LineKey, bytes] = {}
        for key, stored in self.stored(deps, missing).items():
            made[key] = _line(resource, show(stored))
            if stored.version == missing[key][2]:  # else it was written between the two reads
                fresh[missing[key]] = made[key]
        kept.put(fresh)
        found = [line or made.get(row.key) for row, line in zip(rows, lines, strict=True)]
        return [(row, line) for row, line in zip(rows, found, strict=True) if line is not None]


def _refuse_unplaced(resource: Resource) -> None:
    """What belongs to no site is not for a role that holds at some sites alone."""
    raise Refused(
        403,
        "forbidden",
        f"{resource.plural} belong to no site, and your role holds at some sites alone",
        hint="ask an admin for a role that holds everywhere",
    )


def etag_of(row: Row) -> str:
    """One state of one record: a name that is used again is another record."""
    return f'"{row.version}-{int(row.updated_at * 1_000_000):x}"'


def _line(resource: Resource, shown: Shown) -> bytes:
    """A record from its path on: what stands before it differs by how the client called us."""
    path = f"/api/{resource.plural}/{quote(address_of(resource, shown), safe='')}"
    return as_json({"url": path} | shown)[len(b'{"url":"') :]


def address_of(resource: Resource, shown: Mapping[str, Any]) -> str:
    """What stands for a record in its path."""
    return str(shown["name"] if resource.addressed_by_name else shown["id"])


def _joined(lines: Sequence[bytes], base: str) -> bytes:
    if not lines:
        return b""
    start = b'{"url":"' + json.dumps(base, ensure_ascii=True)[1:-1].encode()
    return start + (b"," + start).join(lines)


def _parsed(line: bytes, base: str) -> Shown:
    found: Shown = json.loads(_joined([line], base))
    return found


def _cut(shown: Shown, shape: Shape, resource: Resource, include: Iterable[str] = ()) -> Shown:
    """The fields that were asked for, and beside them what was to come along."""
    kept = shape.fields
    if shape.brief:
        kept = frozenset(resource.brief) | (kept or frozenset())
    if kept is not None:
        kept |= frozenset(include)
        shown = {name: value for name, value in shown.items() if name in kept}
    return {name: value for name, value in shown.items() if name not in shape.omit}


def _next(asked: Asked, ask: Ask, cursor: str, total: int | None) -> str | None:
    if ask.offset is not None:
        following = ask.offset + ask.limit
        more = bool(cursor) if total is None else following < total
        return _link(asked, {"offset": str(following)}) if more else None
    return _link(asked, {"after": cursor}) if cursor else None


def _previous(asked: Asked, ask: Ask) -> str | None:
    """Only offsets walk back: a cursor knows what follows it."""
    if not ask.offset:
        return None
    return _link(asked, {"offset": str(max(0, ask.offset - ask.limit))})


def _link(asked: Asked, changed: Mapping[str, str]) -> str:
    name = next(iter(changed))
    gone = {name, "start"} if name == "after" else {name}
    counted = [("start", "0")] if name == "after" and _uncounted(asked) else []
    kept = [(n, v) for n, v in asked.query if n not in gone]
    return f"{asked.base}{asked.path}?{urlencode([*kept, *counted, *changed.items()])}"


def _uncounted(asked: Asked) -> bool:
    return any(name == "start" for name, _ in asked.query)


def _wrong_cursor(cursor: str) -> Refused:
    return Refused(
        422,
        "invalid",
        "not a place in this list",
        path="after",
        value=cursor[:80],
        hint="take it from `next` of an answer with the same ordering, or leave it out",
    )
