"""When hosts of a pod were switched on and off, read on from where the last look ended.

The curve of a bring-up needs every such event since its approval. Reading them anew for each look
would cost more the longer it runs, so what was read is kept, a few pods' worth.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from threading import Lock

from fastapi import Request

from inventory.store.protocol import PAGE_MAX, Store
from inventory.web.views.bring_up import PowerMark, power_marks

PODS_KEPT = 32
PAGES_AT_ONCE = 50
"""A look at an old pod of a busy site reads so many thousand events, and the rest next time."""


@dataclass
class _Read:
    after: int
    marks: list[PowerMark] = field(default_factory=list)


class Powering:
    """What is known of pods' power events. One per process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[tuple[str, int], _Read] = OrderedDict()

    def marks(
        self, store: Store, pod: str, *, hosts: Collection[str], seen: Collection[str]
    ) -> list[PowerMark]:
        """Of those hosts that are seen, since the pod's newest approval. Blocks: use a thread.

        `hosts` are all of the pod's, whoever looks: what one may not see is kept for who may.
        """
        approved = [e.seq for e in store.events(subject=f"pod:{pod}") if e.kind == "pod.up"]
        if not approved:
            return []
        with self._lock:
            known = self._known.setdefault((pod, approved[-1]), _Read(after=approved[-1]))
            self._known.move_to_end((pod, approved[-1]))
            while len(self._known) > PODS_KEPT:
                self._known.popitem(last=False)
            for _ in range(PAGES_AT_ONCE):
                page = store.events(after=known.after)
                if page:
                    known.after = page[-1].seq
                    known.marks += power_marks(page, hosts)
                if len(page) < PAGE_MAX:
                    break
            return [mark for mark in known.marks if mark.host in seen]


def powering_of(request: Request) -> Powering:
    """This app's."""
    state = request.app.state
    if not hasattr(state, "powering"):
        state.powering = Powering()
    found: Powering = state.powering
    return found
