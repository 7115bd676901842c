"""What every Redfish part has in common: a slot, a state, whole numbers, a place in the tree."""

from __future__ import annotations

from collections.abc import Iterable

from provisioning.drivers.redfish.answers import Json, items, mapping, number, text


def is_absent(resource: Json) -> bool:
    """An empty slot that the BMC lists all the same."""
    return text(mapping(resource.get("Status")).get("State")) == "Absent"


def health(resource: Json) -> str:
    """OK, Warning or Critical; nothing where it is not told."""
    return text(mapping(resource.get("Status")).get("Health"))


def slot(found: Json) -> str:
    """What is printed beside the slot, else the resource's own id."""
    locations = [mapping(found.get("Location"))]
    locations += items(found.get("PhysicalLocation"))
    locations.append(mapping(found.get("PhysicalLocation")))
    labels = (mapping(place.get("PartLocation")).get("ServiceLabel") for place in locations)
    printed = next(filter(None, map(text, labels)), "")
    return printed or text(found.get("Id")) or text(found.get("Name"))


def whole(value: object) -> int:
    """A whole number; 0 for what is none, or negative."""
    found = number(value)
    return int(found) if found and found > 0 else 0


def count(value: object) -> int | None:
    """A whole number; None for what is none, or negative."""
    found = number(value)
    return int(found) if found is not None and found >= 0 else None


def flag(value: object) -> bool | None:
    """A truth value that is one."""
    return value if isinstance(value, bool) else None


def oem(resource: Json) -> list[Json]:
    """What each vendor added to a resource."""
    return [mapping(added) for added in mapping(resource.get("Oem")).values()]


def unfolded(resource: Json) -> list[Json]:
    """A resource and every resource that an expanding service put inside it."""
    found = [resource] if _is_whole(resource) else []
    for value in resource.values():
        for one in [value] if isinstance(value, dict) else items(value):
            found += unfolded(one)
    return found


def _is_whole(value: Json) -> bool:
    """A resource of its own, not a link to one: it has a place and a type."""
    return "@odata.type" in value and bool(path(value))


def path(resource: Json) -> str:
    """Where a resource is; nothing where it does not say."""
    return text(resource.get("@odata.id")).rstrip("/")


def below(parent: Json, resources: Iterable[Json]) -> list[Json]:
    """Those that hang below `parent` in the tree."""
    root = path(parent)
    return [one for one in resources if root and path(one).startswith(f"{root}/")]
