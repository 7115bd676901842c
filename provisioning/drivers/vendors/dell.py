"""Dell: iDRAC9 and iDRAC10."""

from __future__ import annotations

from provisioning.drivers.vendors.quirk import Maker, Quirk, made_by

_DELL = made_by("dell")


def _idrac10(maker: Maker) -> bool:
    generation = maker.model.startswith(("17g", "18g")) or "idrac10" in maker.bmc_model
    return _DELL(maker) and (generation or "17g" in maker.bmc_model)


QUIRKS = (
    Quirk(
        name="dell-conflict-after-power-off",
        vendor="Dell",
        seen_on="iDRAC10",
        source="Ironic LP 2162995",
        meaning="answers 409 to power-on for a while after power-off",
        applies=_idrac10,
        habit={"busy_after": {"power on": frozenset({409})}},
    ),
    Quirk(
        name="dell-not-ready-yet",
        vendor="Dell",
        seen_on="iDRAC9 and iDRAC10",
        source="sushy 5.14, connector.py: SYS518",
        meaning="refuses requests with SYS518 while it is busy with the one before",
        applies=_DELL,
        habit={"busy_messages": frozenset({"SYS518"})},
    ),
    Quirk(
        name="dell-own-task-states",
        vendor="Dell",
        seen_on="iDRAC9 and iDRAC10",
        source="sushy 5.14, oem/dell/constants.py; Ironic release note 2026 (task state New)",
        meaning="tasks are Downloading, RebootPending or UserIntervention, in no standard's list",
        applies=_DELL,
        cured_by="redfish/firmware.py: a state that is not known is in progress until the deadline",
    ),
    Quirk(
        name="dell-purged-task",
        vendor="Dell",
        seen_on="iDRAC9",
        source="Ironic LP 2159959",
        meaning="purges a firmware task from the list, and the update did not apply",
        applies=_DELL,
        cured_by="redfish/firmware.py: a task that is gone reads VANISHED; the version decides",
    ),
    Quirk(
        name="dell-keys-missing-until-restart",
        vendor="Dell",
        seen_on="iDRAC9 of PowerEdge GPU hosts",
        source="infra-controller #2886",
        meaning="leaves keys out of a resource until the BMC is restarted",
        applies=_DELL,
        cured_by="redfish/resources.py: a System without its core keys is refused, not believed",
    ),
)
