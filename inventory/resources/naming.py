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
from inventory.resources.declaring import Named, Writes
from inventory.resources.outcomes import Planned, wrong
from inventory.resources.recording import Deed
from inventory.store.protocol import Needed, Store, Unnamed
from inventory.store.reading import key_of


def referring(writes: Writes, deps: ApiDeps, found: Sequence[Planned]) -> list[Planned]:
    """What was found, with a refusal for each deed that names what is not there."""
    checked = list(found)
    names = [list(_names(writes, one)) if isinstance(one, Deed) else [] for one in checked]
    known = _keys(deps.store, (name for some in names for name in some))
    for index, some in enumerate(names):
        missing = next((name for name in some if _identity(name) not in known), None)
        if missing is not None:
            reference = missing.reference
            hint = (
                f"see `podyard {reference.command}`"
                if reference.command
                else f"create the {reference.noun} first, and give its id"
            )
            message = f"there is no {reference.noun} {missing.value[:80]!r}"
            checked[index] = wrong(missing.path, missing.value, message, hint)
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


def needs_of(writes: Writes, store: Store, deeds: Iterable[Deed]) -> Iterator[Needed]:
    """All that these deeds name, each once."""
    names = [name for one in deeds for name in _names(writes, one)]
    known = _keys(store, names)
    for identity, name in {_identity(name): name for name in names}.items():
        # What has gone since we looked has no key; the store says so of its name as well.
        yield Needed(name.reference.kind, known.get(identity, name.value))


def unnamed_after(writes: Writes, deeds: Iterable[Deed]) -> Iterator[Unnamed]:
    """What nothing may name once these deeds are done."""
    for one in deeds:
        if one.after is None and one.before is not None:
            for holder in writes.holders:
                where = {name: getattr(one.before, field) for name, field in holder.where.items()}
                yield Unnamed(holder.kind, where)


def _names(writes: Writes, deed: Deed) -> Iterator[Named]:
    """What a deed's record names; of `names`, what it did not name before."""
    if deed.after is None:
        return
    for field, reference in writes.references.items():
        if value := str(getattr(deed.after, field) or ""):
            yield Named(field, value, reference, {"key": value})
    if writes.names is not None:
        before = () if deed.before is None else tuple(writes.names(deed.before))
        yield from (name for name in writes.names(deed.after) if name not in before)


_Identity = tuple[type[Record], tuple[tuple[str, str], ...]]


def _identity(name: Named) -> _Identity:
    return name.reference.kind, tuple(sorted(name.where.items()))


def _keys(store: Store, names: Iterable[Named]) -> dict[_Identity, str]:
    """The key of each that is there: by key many at once, by other columns one by one."""
    found: dict[_Identity, str] = {}
    by_key: dict[type[Record], set[str]] = {}
    for name in names:
        identity = _identity(name)
        if name.where.keys() == {"key"}:
            by_key.setdefault(name.reference.kind, set()).add(name.where["key"])
        elif identity not in found and (
            there := store.find(name.reference.kind, limit=1, **name.where)
        ):
            found[identity] = key_of(there[0])
    for kind, keys in by_key.items():
        for key in store.get_many(kind, sorted(keys)):
            found[kind, (("key", key),)] = key
    return found
