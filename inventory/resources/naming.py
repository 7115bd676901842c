"""What records name of each other: a rack its site, a cable its two ends.

A request is told before anything is written which of its items names what is not there, or would
take away what others name. The same is said once more to the store, which looks at the moment of
writing: between our look and the write somebody else may have been.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from inventory.deps import ApiDeps
from inventory.model import Record
from inventory.refusals import Refused
from inventory.resources.declaring import Writes
from inventory.resources.outcomes import Planned, wrong
from inventory.resources.recording import Deed
from inventory.store.protocol import Needed, Unnamed
from inventory.store.reading import key_of


def referring(writes: Writes, deps: ApiDeps, found: Sequence[Planned]) -> list[Planned]:
    """What was found, with a refusal for each deed that names what is not there."""
    checked = list(found)
    for field, reference in writes.references.items():
        deeds = [one for one in checked if isinstance(one, Deed)]
        wanted = {value for one in deeds if (value := _named(one, field))}
        known = deps.store.get_many(reference.kind, sorted(wanted)) if wanted else {}
        for index, one in enumerate(checked):
            value = _named(one, field) if isinstance(one, Deed) else ""
            if value and value not in known:
                hint = (
                    f"see `podyard {reference.command}`"
                    if reference.command
                    else f"create the {reference.noun} first, and give its id"
                )
                message = f"there is no {reference.noun} {value[:80]!r}"
                checked[index] = wrong(field, value, message, hint)
    return checked


def held(noun: str, writes: Writes, deps: ApiDeps, record: Record) -> Refused | None:
    """Why a record must stay: what still names it."""
    for holder in writes.holders:
        equals = {column: getattr(record, field) for column, field in holder.where.items()}
        if count := deps.store.count(holder.kind, **equals):
            return Refused(
                409,
                "held",
                f"{count} {holder.noun} still name this {noun}",
                path="name",
                value=str(getattr(record, "name", key_of(record))),
                hint=f"remove the {holder.noun} first, or move them",
            )
    return None


def needs_of(writes: Writes, deeds: Iterable[Deed]) -> Iterator[Needed]:
    """All that these deeds name, each once."""
    seen: set[tuple[type[Record], str]] = set()
    for one in deeds:
        for field, reference in writes.references.items():
            value = _named(one, field)
            if value and (reference.kind, value) not in seen:
                seen.add((reference.kind, value))
                yield Needed(reference.kind, value)


def unnamed_after(writes: Writes, deeds: Iterable[Deed]) -> Iterator[Unnamed]:
    """What nothing may name once these deeds are done."""
    for one in deeds:
        if one.after is None and one.before is not None:
            for holder in writes.holders:
                where = {name: getattr(one.before, field) for name, field in holder.where.items()}
                yield Unnamed(holder.kind, where)


def _named(deed: Deed, field: str) -> str:
    return "" if deed.after is None else str(getattr(deed.after, field) or "")
