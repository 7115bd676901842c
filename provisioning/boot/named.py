"""Which firmware images specs name: asked by every BMC that fetches one, hundreds at a time.

A pod's record holds its plan, which is the largest document of all, and says nothing of images that
changes while a bring-up runs. So of each pod its list is kept, as long as the record is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from inventory.model import Pod
from inventory.store.outline import Row
from inventory.store.protocol import Store
from inventory.store.reading import each_row
from pods.spec import FirmwareItem

_Items = tuple[FirmwareItem, ...]


@dataclass(slots=True)
class NamedImages:
    """The images of all pods on record. Threads meet here: what is kept is replaced whole."""

    _known: dict[str, tuple[Row, _Items]] = field(default_factory=dict)

    def find(self, store: Store, *, sha256: str, image: str) -> FirmwareItem | None:
        """What some pod's spec names by this digest and this name. Blocks."""
        rows = {row.key: row for row in each_row(store, Pod)}
        known = {key: one for key, one in self._known.items() if one[0] == rows.get(key)}
        fresh = store.documents(Pod, [key for key in rows if key not in known])
        for key, found in fresh.items():
            known[key] = (found.row, _items(found.document["spec_document"]))
        self._known = known
        named = (item for _, items in known.values() for item in items)
        return next((one for one in named if (one.sha256, one.image) == (sha256, image)), None)


def _items(spec: dict[str, dict[str, list[object]]]) -> _Items:
    firmware = spec.get("firmware", {})
    return tuple(FirmwareItem.model_validate(item) for items in firmware.values() for item in items)
