"""Doing one thing to one host: record-keeping, converging changes, guarded ones.

Every method ends by recording under the fence. What may be repeated is simply repeated until an
observation shows its effect; what may not goes through `provisioning.guarded`. What needs more than
one request has a file of its own in `provisioning.acts`.
"""

from __future__ import annotations

from inventory.errors import SecretRefused
from inventory.model import Host
from inventory.store.protocol import Fence
from provisioning.acts.acceptance import Acceptance
from provisioning.acts.adoption import Adopting
from provisioning.acts.certificate import Certificates
from provisioning.acts.configuration import Configuration
from provisioning.acts.erasing import Erasing
from provisioning.acts.firmware import Firmware
from provisioning.acts.inband import BOOT_TOKEN, GIVEN_UP, InBand
from provisioning.acts.inspection import Inspection
from provisioning.acts.leak import Leaks
from provisioning.acts.recorder import LOOK_AGAIN_S, Outcome, Recorder
from provisioning.acts.remedy import Remedies
from provisioning.acts.watts import Watts
from provisioning.context import Context
from provisioning.drivers.agentstart import AgentStarter
from provisioning.drivers.protocol import BiosDriver, BootNicDriver, MediaDriver, ShutdownDriver
from provisioning.errors import Ambiguous, BmcBusy, Retry, Unsupported
from provisioning.lifecycle.actions import (
    Action,
    AskRenewal,
    AskRotation,
    Certify,
    CertifyErasure,
    CloseIpmi,
    CloseWeakCiphers,
    Configure,
    EjectMedia,
    EraseDrive,
    ForgetBoot,
    GiveLeave,
    InsertMedia,
    MakeBootMedium,
    NoteLeak,
    OrderAcceptance,
    PowerOff,
    PowerOn,
    PutBootNicFirst,
    RecordConfigured,
    RecordDoubt,
    RecordDrivesRead,
    RecordFacts,
    RecordFindings,
    RecordIdentity,
    RecordInspection,
    RecordMismatches,
    RecordUnerased,
    RecordWritten,
    ReservePower,
    SetBios,
    SetBootSource,
    SettleByHand,
    SettleInBand,
    ShutDown,
    StartAgent,
    StopLoad,
    Suspend,
    TryRemedy,
    UpdateFirmware,
    WithdrawUnit,
)
from provisioning.lifecycle.decision import Seen
from provisioning.podmaps import PodMaps
from provisioning.power.inputs import lacks_input
from provisioning.power.watching import FeedWatch
from provisioning.resting import Resting
from provisioning.world import World

FACTS_COME = (RecordFacts, RecordInspection, Suspend)
POWER_ON_AGAIN_S = 15.0  # between repeated requests: the slowest BMC seen shows it after 11 s


class Acting:
    """Performs actions for one controller."""

    def __init__(
        self,
        world: World,
        fence: Fence,
        maps: PodMaps | None = None,
        resting: Resting | None = None,
    ) -> None:
        maps = maps or PodMaps(world)
        recorder = Recorder(world, fence, maps, resting)
        self._world = world
        self._recorder = recorder
        self._inspection = Inspection(world, recorder)
        self._watch = FeedWatch(world, recorder)
        self._watts = Watts(world, recorder, maps, self._watch)
        self._firmware = Firmware(world, recorder, maps, fence)
        self._erasing = Erasing(world, recorder, maps, fence)
        self._in_band = InBand(world, recorder, maps, fence)
        self._remedies = Remedies(world, recorder)
        self._leaks = Leaks(world, recorder)
        self._configuration = Configuration(world, recorder)
        self._acceptance = Acceptance(world, recorder)
        self._adopting = Adopting(world, recorder)
        self._certificates = Certificates(world, recorder)

    async def waits_on(self, host: Host, context: Context) -> bool:
        """Whether it waits for what is known not to have come, and goes on waiting."""
        return await self._watts.waits_on(host, context) or await self._firmware.waits_on(
            host, context
        )

    async def perform(
        self, host: Host, action: Action, seen: Seen, context: Context, *, reason: str
    ) -> Outcome:
        """Do one action and record it; what supplies tell of a feed concerns all its hosts."""
        outcome = await self._perform(host, action, seen, context, reason=reason)
        if isinstance(action, FACTS_COME) and (lacks_input(host) or lacks_input(outcome.host)):
            await self._watch.look(outcome.host)
        return outcome

    async def _perform(  # noqa: C901, PLR0912, PLR0915 - one line per action
        self, host: Host, action: Action, seen: Seen, context: Context, *, reason: str
    ) -> Outcome:
        match action:
            case RecordIdentity():
                return await self._inspection.identify(host, seen)
            case AskRotation():
                return await self._adopting.ask(host, "rotation", reason)
            case AskRenewal():
                return await self._adopting.ask(host, "renewal", reason)
            case CloseIpmi():
                return await self._adopting.close_ipmi(host, reason)
            case CloseWeakCiphers():
                return await self._adopting.close_weak_ciphers(host, reason)
            case RecordFindings(findings):
                return await self._adopting.found(host, findings)
            case RecordFacts():
                return await self._inspection.learn(host, seen, context)
            case RecordMismatches(found):
                return await self._recorder.record(host, {"mismatches": found}, same_look=True)
            case RecordInspection(doubt):
                return await self._inspection.inspected(
                    host, seen, context, doubt=doubt, reason=reason
                )
            case Suspend(causes):
                return await self._certificates.suspend(host, causes, seen, context)
            case ReservePower(watts):
                return await self._watts.reserve(host, watts, context)
            case MakeBootMedium():
                return await self._in_band.make_medium(host, action, context)
            case GiveLeave():
                return await self._in_band.give_leave(host, context)
            case SettleInBand(why):
                return await self._in_band.settle(host, context, why)
            case RecordWritten(tries):
                return await self._disk_written(host, tries, context, reason)
            case StartAgent():
                return await self._start_agent(host, reason)
            case PowerOn():
                return await self._power_on(host, reason)
            case PowerOff():
                self._require_nothing_begun(host, context)
                await (await self._world.bmcs.of(host)).power_off()
                return await self._recorder.look_again(host, "power.off", reason)
            case ShutDown():
                return await self._shut_down(host, context, reason)
            case StopLoad():
                return await self._leaks.stop_load(host, reason)
            case RecordDoubt(doubt):
                return await self._leaks.doubt(host, doubt, reason)
            case NoteLeak(what):
                return await self._leaks.note(host, what, seen, context)
            case SetBootSource(source):
                await (await self._world.bmcs.of(host)).set_boot_source(source)
                return await self._recorder.look_again(host)
            case PutBootNicFirst(slot, mac):
                return await self._put_first(host, slot, mac, reason)
            case InsertMedia(image):
                await (await self._media(host)).insert_media(image)
                return await self._recorder.look_again(host)
            case EjectMedia():
                await (await self._media(host)).eject_media()
                return await self._recorder.look_again(host)
            case SetBios(attributes):
                await self._set_bios(host, dict(attributes))
                return await self._recorder.look_again(host, "bios.staged", reason)
            case UpdateFirmware():
                return await self._firmware.update(host, action, seen, context)
            case EraseDrive():
                return await self._erasing.erase(host, action, seen, context)
            case RecordUnerased():
                return await self._erasing.record_unerased(host, action, context)
            case CertifyErasure():
                return await self._erasing.certify(host, context)
            case RecordDrivesRead():
                ended = self._in_band.ended(context, "done", "its drives were read")
                return await self._erasing.record_read(host, seen, context, ended=ended)
            case TryRemedy():
                return await self._remedies.attempt(host, action)
            case RecordConfigured(boot_id):
                fields = {"configured_boot_id": boot_id, "problem": None}
                return await self._recorder.record(host, fields, same_look=True)
            case SettleByHand():
                return await self._firmware.settle_by_hand(host, context)
            case Configure(boot_id):
                return await self._configuration.configure(host, boot_id)
            case OrderAcceptance(physical_host):
                return await self._acceptance.order(host, physical_host)
            case Certify():
                return await self._certificates.certify(host, seen, context)
            case WithdrawUnit():
                return await self._certificates.withdraw(host, context, reason=reason)
            case ForgetBoot():
                boot = {"boot": None, "configured_boot_id": "", "acceptance_order": ""}
                fields = {**boot, "shutdown_at": None}
                ended = self._in_band.ended(context, "failed", GIVEN_UP)
                return await self._recorder.record(host, fields, also=ended)
            case _:
                raise TypeError(f"nobody knows how to perform {action}")

    async def _shut_down(self, host: Host, context: Context, reason: str) -> Outcome:
        """A BMC that cannot ask the operating system takes the power, in the end the same."""
        self._require_nothing_begun(host, context)
        recorded = await self._recorder.record(host, {"shutdown_at": self._world.clock.now()})
        bmc = await self._world.bmcs.of(host)
        if isinstance(bmc, ShutdownDriver):
            await bmc.shut_down()
        else:
            await bmc.power_off()
        return await self._recorder.look_again(recorded.host, "shutdown", reason)

    def _require_nothing_begun(self, host: Host, context: Context) -> None:
        """The last word, whatever was decided: no host loses its power in the middle of a flash."""
        if context.wanted.open_steps:
            begun = ", ".join(sorted(context.wanted.open_steps))
            raise BmcBusy(
                f"{host.name} keeps its power: {begun} was begun and is not settled",
                hint=f"podyard host why {host.name}",
            )

    async def _disk_written(self, host: Host, tries: int, context: Context, reason: str) -> Outcome:
        """From now on its boot is the one from its disk."""
        if host.boot is None:
            raise TypeError("RecordWritten without a boot")
        fresh = {"purpose": "disk", "powered_at": None, "silence": "", "tries": tries}
        boot = host.boot.model_copy(update=fresh)
        event = self._recorder.event(host, "host.disk-written", "", boot.image, reason)
        ended = self._in_band.ended(context, "done", reason)
        fields = {"boot": boot, "problem": None}
        return await self._recorder.record(host, fields, also=ended, events=(event,))

    async def _start_agent(self, host: Host, reason: str) -> Outcome:
        """Written down first, as a power-on is: the agent may report before we come back."""
        host, stopped = await self._configuration.install_agent(host)
        if stopped is not None:
            return stopped
        boot, world = host.boot, self._world
        if boot is None:
            raise TypeError("StartAgent without a boot document")
        sealed = await world.in_thread(world.store.secret, host.id, BOOT_TOKEN)
        try:
            token = world.secrets.unseal(host.id, BOOT_TOKEN, sealed or b"")
        except SecretRefused:  # it is of no use to anybody: another one is made
            spent = boot.model_copy(update={"expires_at": world.clock.now()})
            return await self._recorder.record(host, {"boot": spent})
        document = world.door.document(host, token).model_dump_json().encode()
        handed = boot.model_copy(update={"powered_at": world.clock.now()})
        recorded = await self._recorder.record(host, {"boot": handed})
        bmc = await world.bmcs.of(host)
        if not isinstance(bmc, AgentStarter):
            raise Unsupported(
                f"{host.name}: no agent can be started through {host.bmc.address}",
                hint="only a host without a BMC (ssh://) is handed its boot document",
            )
        try:
            await bmc.start_agent(document)
        except (Ambiguous, Retry):
            await self._not_started(recorded.host)
            raise
        return await self._recorder.look_again(recorded.host, "agent.start", reason)

    async def _not_started(self, host: Host) -> None:
        """No attempt is used up. It may have the token all the same: the next start has another."""
        world = self._world
        now = world.clock.now()
        known = await world.in_thread(world.store.get, Host, host.id)
        if known is None or known.boot is None or host.boot is None:
            return
        if known.boot.media_id == host.boot.media_id:
            boot = known.boot.model_copy(update={"powered_at": None, "expires_at": now})
            await self._recorder.record(known, {"boot": boot})

    async def _power_on(self, host: Host, reason: str) -> Outcome:
        """Write down that we are about to, then ask.

        Otherwise a restart would take the host for a stranger's and switch it off again.
        """
        boot = host.boot
        if boot is None:
            raise TypeError("PowerOn without a boot medium")
        first = boot.powered_at is None
        powered = boot.model_copy(update={"powered_at": boot.powered_at or self._world.clock.now()})
        recorded = await self._recorder.record(host, {"boot": powered})
        await (await self._world.bmcs.of(host)).power_on()
        after_s = LOOK_AGAIN_S if first else POWER_ON_AGAIN_S
        return await self._recorder.look_again(recorded.host, "power.on", reason, after_s=after_s)

    async def _set_bios(self, host: Host, attributes: dict[str, str | int | bool]) -> None:
        bmc = await self._world.bmcs.of(host)
        if not isinstance(bmc, BiosDriver):
            raise Unsupported(f"the BMC of {host.name} cannot set BIOS attributes")
        await bmc.set_bios(attributes)

    async def _put_first(self, host: Host, slot: str, mac: str, reason: str) -> Outcome:
        """Once for each boot: a BMC may show it no sooner than that boot has taken it."""
        if host.boot is None:
            raise TypeError("PutBootNicFirst without a boot medium")
        bmc = await self._world.bmcs.of(host)
        if not isinstance(bmc, BootNicDriver):
            raise Unsupported(
                f"{host.name}: its BMC cannot say that {slot} ({mac}) is asked first for an image",
                hint="leave nics.boot out of its host type: it then starts from virtual media",
            )
        await bmc.put_boot_nic_first(mac)
        boot = host.boot.model_copy(update={"nic_asked_at": self._world.clock.now()})
        recorded = await self._recorder.record(host, {"boot": boot})
        return await self._recorder.look_again(recorded.host, "boot.order", reason)

    async def _media(self, host: Host) -> MediaDriver:
        bmc = await self._world.bmcs.of(host)
        if not isinstance(bmc, MediaDriver):
            raise Unsupported(f"the BMC of {host.name} has no virtual media")
        return bmc
