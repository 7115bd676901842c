"""Sites, halls and rows, racks, feeds, equipment and cables, as the API lists and writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pydantic import Field

from inventory.auth import Permission
from inventory.model import ComputeUnit, Host, Pod
from inventory.places import Cable, Equipment, Location, PowerFeed, Rack, Site
from inventory.resources.declaring import (
    Filter,
    Form,
    Holder,
    Named,
    Reference,
    Resource,
    Shown,
    Stored,
    Writes,
)
from inventory.resources.shaping import body_of, change_of, show_record, view_of

_AT_SITE: Mapping[str, Filter] = {
    "id": Filter("key"),
    "name": Filter("name"),
    "site": Filter("site"),
}
_SITE = Reference(Site, "site", "site list")
_RACK = Reference(Rack, "rack", "rack list")
_LABELS = ("tags", "custom")


def _choices(kind: type, field: str) -> tuple[str, ...]:
    """The values that a record's field may have."""
    annotation = kind.model_fields[field].annotation  # type: ignore[attr-defined]
    return tuple(annotation.__args__)


SITES = Resource(
    noun="site",
    plural="sites",
    kind=Site,
    view=view_of(Site, "SiteView"),
    show=show_record(Site, display=lambda s: s["title"] or s["name"]),
    read=Permission.PLACE_READ,
    command="site list",
    filters={"id": Filter("key"), "name": Filter("key"), "title": Filter("title")},
    ordering=("name", "title"),
    site="key",
    tagged=True,
    writes=Writes(
        permission=Permission.PLACE_WRITE,
        create=body_of(
            Site,
            "NewSite",
            fields=("name", "title", "address", "time_zone", "latitude", "longitude", *_LABELS),
        ),
        change=change_of(
            Site,
            "ChangeSite",
            fields=("title", "address", "time_zone", "latitude", "longitude", *_LABELS),
        ),
        generated_key=False,
        holders=(
            Holder(Host, {"site": "name"}, "hosts"),
            Holder(Pod, {"site": "name"}, "pods"),
            Holder(ComputeUnit, {"site": "name"}, "units"),
            Holder(Rack, {"site": "name"}, "racks"),
            Holder(Location, {"site": "name"}, "locations"),
            Holder(PowerFeed, {"site": "name"}, "feeds"),
            Holder(Equipment, {"site": "name"}, "pieces of equipment"),
        ),
    ),
)

LOCATIONS = Resource(
    noun="location",
    plural="locations",
    kind=Location,
    view=view_of(Location, "LocationView"),
    show=show_record(Location, display=lambda s: s["title"] or s["name"]),
    read=Permission.PLACE_READ,
    command="rack list",
    filters={
        **_AT_SITE,
        "kind": Filter("kind", Form.CHOICE, _choices(Location, "kind")),
        "parent": Filter("parent", says="The id of what it is in."),
    },
    ordering=("name", "site", "kind"),
    addressed_by_name=False,
    site="site",
    tagged=True,
    writes=Writes(
        permission=Permission.PLACE_WRITE,
        create=body_of(
            Location, "NewLocation", fields=("site", "name", "kind", "parent", "title", *_LABELS)
        ),
        change=change_of(Location, "ChangeLocation", fields=("kind", "parent", "title", *_LABELS)),
        natural=("site", "name"),
        references={"site": _SITE, "parent": Reference(Location, "location")},
        holders=(
            Holder(Rack, {"location": "id"}, "racks"),
            Holder(Location, {"parent": "id"}, "locations"),
        ),
    ),
)

_RACK_CHANGES = (
    "location",
    "pod",
    "rack_type",
    "height_units",
    "form",
    "position_in_row",
    "max_weight_kg",
    "power_limit_watts",
    "serial",
    "asset_tag",
    *_LABELS,
)

RACKS = Resource(
    noun="rack",
    plural="racks",
    kind=Rack,
    view=view_of(Rack, "RackView"),
    show=show_record(Rack),
    read=Permission.PLACE_READ,
    command="rack list",
    filters={
        **_AT_SITE,
        "location": Filter("location", says="The id of its hall or row."),
        "pod": Filter("pod"),
        "rack_type": Filter("rack_type"),
        "serial": Filter("serial"),
        "asset_tag": Filter("asset_tag"),
    },
    ordering=("name", "site", "pod", "rack_type"),
    searched=("name", "serial", "asset_tag"),
    addressed_by_name=False,
    site="site",
    tagged=True,
    writes=Writes(
        permission=Permission.PLACE_WRITE,
        create=body_of(Rack, "NewRack", fields=("name", "site", *_RACK_CHANGES)),
        change=change_of(Rack, "ChangeRack", fields=_RACK_CHANGES),
        natural=("site", "name"),
        references={
            "site": _SITE,
            "location": Reference(Location, "location"),
            "pod": Reference(Pod, "pod", "pod list"),
        },
        holders=(
            Holder(Host, {"site": "site", "rack": "name"}, "hosts"),
            Holder(Equipment, {"site": "site", "rack": "name"}, "pieces of equipment"),
        ),
    ),
)

_FEED_CHANGES = (
    "pod",
    "racks",
    "side",
    "volts",
    "amps",
    "phases",
    "continuous_share",
    "budget_watts",
    "dead",
    *_LABELS,
)


def _continuous(stored: Stored) -> Shown:
    feed = PowerFeed.model_validate({**stored.document, "version": stored.version})
    return {"continuous_watts": round(feed.continuous_watts, 1)}


FEEDS = Resource(
    noun="feed",
    plural="feeds",
    kind=PowerFeed,
    view=view_of(
        PowerFeed,
        "FeedView",
        extra={"continuous_watts": (float, Field(description="What may be drawn all day."))},
    ),
    show=show_record(PowerFeed, extra=_continuous),
    read=Permission.PLACE_READ,
    command="feed list",
    filters={**_AT_SITE, "pod": Filter("pod")},
    ordering=("name", "site", "pod"),
    addressed_by_name=False,
    site="site",
    tagged=True,
    writes=Writes(
        permission=Permission.PLACE_WRITE,
        create=body_of(PowerFeed, "NewFeed", fields=("name", "site", *_FEED_CHANGES)),
        change=change_of(PowerFeed, "ChangeFeed", fields=_FEED_CHANGES),
        natural=("site", "name"),
        references={"site": _SITE, "pod": Reference(Pod, "pod", "pod list")},
        holders=(Holder(Host, {"site": "site", "feed": "name"}, "hosts"),),
    ),
)

_EQUIPMENT_CHANGES = (
    "pod",
    "rack",
    "position",
    "model",
    "serial",
    "address",
    "asset_tag",
    *_LABELS,
)


def _rack_of(equipment: Equipment) -> Iterator[Named]:
    if equipment.rack:
        where = {"site": equipment.site, "name": equipment.rack}
        yield Named("rack", equipment.rack, _RACK, where)


def _equipment(
    kind: str, plural: str, *own: str, wakes: Callable[[Equipment], str] | None = None
) -> Resource:
    """`own`: what people may write of this kind alone."""
    word = "".join(part.capitalize() for part in kind.split("-"))
    return Resource(
        noun=kind,
        plural=plural,
        kind=Equipment,
        view=view_of(Equipment, f"{word}View"),
        show=show_record(Equipment),
        read=Permission.PLACE_READ,
        command="rack list",
        filters={
            **_AT_SITE,
            "pod": Filter("pod"),
            "rack": Filter("rack"),
            "serial": Filter("serial"),
        },
        ordering=("name", "site", "pod", "rack"),
        searched=("name", "serial"),
        addressed_by_name=False,
        within={"kind": kind},
        site="site",
        tagged=True,
        writes=Writes(
            permission=Permission.PLACE_WRITE,
            create=body_of(Equipment, f"New{word}", fields=("name", "site", *_EQUIPMENT_CHANGES)),
            change=change_of(Equipment, f"Change{word}", fields=(*_EQUIPMENT_CHANGES, *own)),
            fixed={"kind": kind},
            natural=("site", "name"),
            references={"site": _SITE, "pod": Reference(Pod, "pod", "pod list")},
            names=_rack_of,
            wakes=wakes,
            holders=(
                Holder(Cable, {"a_id": "id"}, "cables"),
                Holder(Cable, {"z_id": "id"}, "cables"),
            ),
        ),
    )


EQUIPMENT = (
    _equipment("pdu", "pdus"),
    # That a unit leaks, or no more, is for every host on its loop, also one that sleeps for a day.
    _equipment("cdu", "cdus", "leak", wakes=lambda unit: unit.pod),
    _equipment("switch", "switches"),
    _equipment("power-shelf", "power-shelves"),
)

_ENDS: Mapping[str, Reference] = {
    "host": Reference(Host, "host", "host list"),
    "equipment": Reference(Equipment, "piece of equipment", "rack list"),
}


def _plugged(cable: Cable) -> Iterator[Named]:
    for path, end in (("a.id", cable.a), ("z.id", cable.z)):
        yield Named(path, end.id, _ENDS[end.kind], {"key": end.id})


_CABLE_CHANGES = ("label", "pod", "a", "z", "kind", "length_m", "status", *_LABELS)

CABLES = Resource(
    noun="cable",
    plural="cables",
    kind=Cable,
    view=view_of(Cable, "CableView"),
    show=show_record(
        Cable,
        display=lambda s: s["label"] or " - ".join(f"{e['name']}:{e['port']}" for e in _ends(s)),
    ),
    read=Permission.PLACE_READ,
    command="rack list",
    filters={
        "id": Filter("key"),
        "label": Filter("label"),
        "site": Filter("site"),
        "pod": Filter("pod"),
        "kind": Filter("kind"),
        "status": Filter("status", Form.CHOICE, _choices(Cable, "status")),
        "a_id": Filter("a_id", says="The host or equipment at its A end."),
        "z_id": Filter("z_id", says="The host or equipment at its Z end."),
    },
    brief=("id", "url", "display", "label"),
    ordering=("label", "site", "pod", "status"),
    searched=("label",),
    addressed_by_name=False,
    named=False,
    site="site",
    tagged=True,
    writes=Writes(
        permission=Permission.PLACE_WRITE,
        create=body_of(Cable, "NewCable", fields=("site", *_CABLE_CHANGES)),
        change=change_of(Cable, "ChangeCable", fields=_CABLE_CHANGES),
        natural=(),
        references={"site": _SITE, "pod": Reference(Pod, "pod", "pod list")},
        names=_plugged,
    ),
)


def _ends(shown: Shown) -> tuple[Shown, Shown]:
    return shown["a"], shown["z"]


RESOURCES = (SITES, LOCATIONS, RACKS, FEEDS, *EQUIPMENT, CABLES)
