"""Take the single-try rule away and a judge must see it.

The doors' tests say that a change is sent once. Here the rule is removed, by a session that asks
again when the answer was lost, as other clients do; the same judgement must then fail.
"""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.drivers.redfish.session import RedfishSession
from provisioning.errors import Ambiguous
from tests.integration.drivers.conftest import Connect
from tests.integration.drivers.replies import RESET, hang_up
from tests.integration.drivers.scripted_bmc import ScriptedBmc

pytestmark = pytest.mark.integration


async def power_on_is_sent_once(bmc: ScriptedBmc, connect: Connect) -> None:
    """The judgement: one request, however the answer was lost."""
    bmc.on("POST", RESET, hang_up)
    with pytest.raises(Ambiguous):
        await connect().power_on()
    assert len(bmc.requests("POST", RESET)) == 1


async def test_with_the_rule_a_lost_answer_is_one_request(
    bmc: ScriptedBmc, connect: Connect
) -> None:
    await power_on_is_sent_once(bmc, connect)


async def test_without_the_rule_the_judge_turns_red(
    bmc: ScriptedBmc, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = RedfishSession._change

    async def again(self: RedfishSession, *args: Any, **kwargs: Any) -> Any:
        try:
            return await once(self, *args, **kwargs)
        except Ambiguous:
            return await once(self, *args, **kwargs)

    monkeypatch.setattr(RedfishSession, "_change", again)
    with pytest.raises(AssertionError):
        await power_on_is_sent_once(bmc, connect)
