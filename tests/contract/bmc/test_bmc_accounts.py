"""An account is added, lets somebody in, gets another password and is removed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import SecretStr

from provisioning.drivers.capabilities import AccountDriver, BmcRole, Capability
from provisioning.drivers.protocol import Bmc
from provisioning.errors import BmcRefused, CredentialsRefused
from tests.contract.bmc.bed import Bed
from tests.contract.bmc.declared import MOCKUP

pytestmark = pytest.mark.integration
CAPABILITY = Capability.ACCOUNTS
FIRST, SECOND = SecretStr("Correct-horse-1"), SecretStr("Battery-staple-2")


async def enters(bed: Bed, username: str, password: SecretStr) -> bool:
    driver = replace(bed, username=username, password=password.get_secret_value()).open()
    try:
        await driver.identity()
    except CredentialsRefused:
        return False
    finally:
        await driver.close()
    return True


async def test_account_lives_from_its_making_to_its_end(bed: Bed, bmc: Bmc) -> None:
    assert isinstance(bmc, AccountDriver)
    before = await bmc.accounts()
    made = await bmc.create_account("podyard-2", FIRST, BmcRole.OPERATOR)
    assert (made.username, made.role, made.enabled) == ("podyard-2", "Operator", True)
    with pytest.raises(BmcRefused, match="taken"):
        await bmc.create_account("podyard-2", FIRST, BmcRole.OPERATOR)
    knows_passwords = bed.declaration is not MOCKUP
    if knows_passwords:
        assert await enters(bed, "podyard-2", FIRST)
    await bmc.set_account_password("podyard-2", SECOND)
    if knows_passwords:
        assert not await enters(bed, "podyard-2", FIRST)
        assert await enters(bed, "podyard-2", SECOND)
    await bmc.delete_account("podyard-2")
    await bmc.delete_account("podyard-2")
    assert await bmc.accounts() == before
    with pytest.raises(BmcRefused, match="no account"):
        await bmc.set_account_password("podyard-2", FIRST)
