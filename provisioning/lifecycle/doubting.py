"""One answer of a BMC is none: what would call a person is read again first, some seconds later.

BMCs leave parts out of an answer, tell what was true before the last boot, and come back with old
values after a restart. So a finding that parks a host must be told twice in the same words. What
was told once is kept on the record, so that a restart between the two looks changes nothing. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from inventory.model import Host
from provisioning.lifecycle.actions import RecordDoubt
from provisioning.lifecycle.decision import Do

DIGEST_CHARS = 16


def told_once(host: Host, problem: str, said: Iterable[str], *, of: str) -> Do | None:
    """What to do about a finding that was told for the first time; None: it was told twice.

    `of`: the boot or the order that it is about; what was said of an earlier one does not count.
    """
    words = sorted(said)
    mark = hashlib.sha256("\n".join((of, *words)).encode()).hexdigest()[:DIGEST_CHARS]
    doubt = f"{problem}:{mark}"
    if host.doubt == doubt:
        return None
    return Do(RecordDoubt(doubt), f"reading once more: {words[0] if words else problem}")
