"""A host without a BMC that cannot be reached was not started, and nothing counts as a try."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from inventory.errors import SecretRefused
from inventory.model import Host
from inventory.states import HostState
from inventory.store.protocol import Change
from provisioning.acts.inband import BOOT_TOKEN
from provisioning.drivers.capabilities import Capability
from provisioning.errors import Ambiguous, BmcUnreachable, ProvisioningError
from provisioning.lifecycle.adopted import TRIES_MAX
from tests.make import make_boot, make_host
from tests.unit.provisioning.iron import Iron, IronBmc
from tests.unit.provisioning.one_host import Drawer, drawer

ADOPTED = make_host().bmc.model_copy(update={"address": "ssh://10.0.0.7"})


class SshIron(IronBmc):
    """A way in that fails so many times before the agent starts."""

    without = frozenset({Capability.POWER, Capability.BOOT_SOURCE})

    def __init__(self, iron: Iron, errors: list[ProvisioningError], documents: list[bytes]) -> None:
        super().__init__(iron)
        self._errors, self._documents = errors, documents

    async def start_agent(self, document: bytes) -> None:
        """It may be there before the way in breaks."""
        self._documents.append(document)
        if self._errors:
            raise self._errors.pop()


@pytest.mark.parametrize("error", [BmcUnreachable("no way in"), Ambiguous("no answer came")])
def test_a_start_that_failed_uses_up_no_try_and_its_token_is_used_no_more(
    tmp_path: Path, error: ProvisioningError
) -> None:
    errors, documents = [error] * (TRIES_MAX + 1), list[bytes]()
    with drawer(tmp_path, state=HostState.BOOTING, uuid="u-1", bmc=ADOPTED) as base:
        there = Drawer(
            base.clock,
            base.iron,
            base.store,
            base.keys,
            base.box,
            lives=base.lives,
            mute=True,
            open_bmc=lambda iron: SshIron(iron, errors, documents),
        )

        def handed(host: Host) -> bool:
            return not errors and host.boot is not None and host.boot.powered_at is not None

        started = there.run(handed)

        assert started.boot is not None
        assert started.boot.tries == 1
        assert started.boot.expires_at > there.clock.at
        # A start whose answer is lost may have used its token: each start has its own.
        assert len(documents) == len(set(documents)) == TRIES_MAX + 2


def test_a_token_that_does_not_open_is_replaced_by_another(tmp_path: Path) -> None:
    documents = list[bytes]()
    with drawer(tmp_path, state=HostState.BOOTING, uuid="u-1", bmc=ADOPTED) as base:
        there = Drawer(
            base.clock,
            base.iron,
            base.store,
            base.keys,
            base.box,
            lives=base.lives,
            mute=True,
            open_bmc=lambda iron: SshIron(iron, [], documents),
        )
        unsealable = {("host-1", BOOT_TOKEN): b"of another key"}
        stale = make_boot(expires_at=there.clock.at + timedelta(hours=1))
        there.wish(boot=stale)
        there.store.apply(Change(secrets=unsealable), now=there.clock.at)

        started = there.run(lambda host: host.boot is not None and host.boot.powered_at is not None)

        assert started.boot is not None
        assert started.boot.media_id != stale.media_id
        assert len(documents) == 1


def test_a_step_that_cannot_be_recorded_says_so_and_is_not_tried_at_once_again(
    tmp_path: Path,
) -> None:
    def locked(_iron: Any) -> Any:
        raise SecretRefused("the BMC's password does not open with this key", hint="")

    with drawer(tmp_path, state=HostState.INSPECTING, uuid="u-1") as base:
        there = Drawer(
            base.clock,
            base.iron,
            base.store,
            base.keys,
            base.box,
            lives=base.lives,
            open_bmc=locked,
        )
        there.step()

        host = there.host()
        assert "does not open with this key" in host.waiting
        assert host.wake_at > there.clock.at + timedelta(seconds=5)
