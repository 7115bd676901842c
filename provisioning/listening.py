"""What one connection's ear hears of a BMC: how long each exchange takes, and when it is late.

One late exchange is no sign of a slow BMC: a fifth of the reads of a hall of ordinary hardware find
no answer in time. So the first one is given more, and only who is late again right after it, or
stays silent for longer than a second try takes, lets its host stand beside (`provisioning.pacing`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioning.drivers.ear import End

if TYPE_CHECKING:
    from provisioning.pacing import Pacing

OURS_SHARE = 0.5
"""An exchange that waited for us for more of its time than this says nothing of its BMC."""
ROUNDING_S = 0.001
PARDON_TIMES = 3.0
"""So much longer the first late exchange is given: a read is asked once more after two seconds."""


@dataclass(frozen=True, slots=True)
class Heard:
    """How one exchange went."""

    method: str
    took_s: float
    """By the clock."""
    waited_s: float
    """Of that, without what our own loop was behind."""
    answered: bool
    together: bool
    """Others were under way with the same BMC when it began."""
    was_late: bool
    """Its host stood beside for it."""
    was_pardoned: bool = False
    """It was late, and the first in a row."""

    @property
    def is_ours(self) -> bool:
        """Most of it was our own delay."""
        return self.took_s - self.waited_s > OURS_SHARE * self.took_s

    @property
    def is_good(self) -> bool:
        """It was answered in time."""
        return self.answered and not self.was_late and not self.was_pardoned


@dataclass(slots=True)
class Listening:
    """One connection's ear."""

    pacing: Pacing
    host_id: str
    model: str
    _under_way: int = 0

    @property
    def width(self) -> int:
        """As it is now."""
        return self.pacing.width(self.model)

    def patience_s(self) -> float | None:
        """As it is now."""
        return self.pacing.patience_s(self.host_id, self.model)

    def begin(self, method: str) -> End:
        """An exchange was begun; what is answered is called when it has ended."""
        pacing, together = self.pacing, self._under_way > 0
        began, own_began = pacing.time(), pacing.own.begin()
        self._under_way += 1
        after_s = pacing.beside_after_s(self.model, method)
        late = _Late(pacing, self.host_id, own_began, after_s)
        late.look()

        def end(*, answered: bool | None) -> None:
            late.cancel()
            own_ended = pacing.own.end()
            self._under_way -= 1
            if answered is None:
                return
            said = Heard(
                method=method,
                took_s=pacing.time() - began,
                waited_s=own_ended - own_began,
                answered=answered,
                together=together,
                was_late=late.turned,
                was_pardoned=late.pardoned,
            )
            pacing.heard(self.host_id, self.model, said)

        return end


@dataclass(slots=True)
class _Late:
    """When one exchange is late, unless it ends before."""

    pacing: Pacing
    host_id: str
    began: float
    after_s: float
    turned: bool = False
    pardoned: bool = False
    _timer: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """Now, or once more when it may be: time in which we ourselves were behind is given."""
        left_s = self.began + self.after_s - self.pacing.own.now()
        if left_s <= ROUNDING_S and not self.pardoned and self.pacing.pardons(self.host_id):
            self.pardoned = True
            left_s += self.after_s * (PARDON_TIMES - 1)
            self.after_s *= PARDON_TIMES
        if left_s > ROUNDING_S:
            self._timer = asyncio.get_running_loop().call_later(left_s, self.look)
        else:
            self.turned = True
            self.pacing.late(self.host_id)

    def cancel(self) -> None:
        """It ended."""
        if self._timer is not None:
            self._timer.cancel()
