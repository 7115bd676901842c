"""Faults of a host's parts, its cables and its place."""

from __future__ import annotations

from provisioning.simulator.kinds.registry import Subject

PARTS = Subject("Parts and cables")


@PARTS.defect("missing-dimm", slot="")
def _missing_dimm() -> None:
    """One memory slot is empty (`slot`, or one drawn by the seed): State Absent, total short."""


@PARTS.fault("missing-gpu", slot="")
def _missing_gpu() -> None:
    """One accelerator is not there (`slot`, or one drawn by the seed): State Absent."""


@PARTS.fault("other-gpu", slot="", model="Another Accelerator")
def _other_gpu() -> None:
    """One accelerator is another part: `model`."""


@PARTS.fault("link-lost", slot="", links=1.0)
def _link_lost() -> None:
    """So many scale-up links of one accelerator stay down while the host is on."""


@PARTS.fault("link-slow", slot="", ratio=0.5)
def _link_slow() -> None:
    """One scale-up link of an accelerator runs at `ratio` of its speed."""


@PARTS.fault("no-fabric")
def _no_fabric() -> None:
    """The scale-up fabric was not configured: every link of every accelerator stays down."""


@PARTS.fault("narrow-pcie", slot="", lanes=8.0)
def _narrow_pcie() -> None:
    """An accelerator's or a network adapter's PCIe link trained down to `lanes` of its 16."""


@PARTS.fault("remapped-row", slot="", state="failed")
def _remapped_row() -> None:
    """A memory row of one accelerator broke: its replacement is `pending`, `done` or `failed`."""


@PARTS.fault("capped-gpu", slot="", watts=400.0)
def _capped_gpu() -> None:
    """One accelerator's power limit is set to `watts`."""


@PARTS.fault("slow-port", slot="", gbps=100.0)
def _slow_port() -> None:
    """A network port's link comes up at `gbps`."""


@PARTS.defect("miscabled", slot="NIC0", other="")
def _miscabled() -> None:
    """The cables of a network port and of the same port of host `other` are swapped at the leaf."""


@PARTS.fault("missing-drive", slot="")
def _missing_drive() -> None:
    """One drive bay is empty."""


@PARTS.fault("worn-drive", slot="", left=5.0)
def _worn_drive() -> None:
    """A drive has `left` percent of its writes left."""


@PARTS.fault("dying-drive", slot="")
def _dying_drive() -> None:
    """A drive predicts its failure."""


@PARTS.fault("no-crypto-erase", slot="", says="refuses")
def _no_crypto_erase() -> None:
    """A drive cannot erase by key: it `refuses`, `hides` the method, or begins and `fails`."""


@PARTS.fault("lying-sanitize", slot="", log="erased")
def _lying_sanitize() -> None:
    """A drive's erase ends well and it holds its data; `log`: erased, completed, not-completed."""


@PARTS.fault("dead-supply", slot="")
def _dead_supply() -> None:
    """A power supply has no input: its feed, breaker or cord."""


@PARTS.fault("missing-supply", slot="")
def _missing_supply() -> None:
    """One bay of a power supply is empty."""


@PARTS.fault("failed-fan", slot="")
def _failed_fan() -> None:
    """A fan reports Critical."""


@PARTS.fault("leak", slot="", state="Critical")
def _leak() -> None:
    """A leak detector reports `state`: Critical, Warning or Unavailable."""


@PARTS.fault("wrong-tray", index="")
def _wrong_tray() -> None:
    """The host sits in another slot of its rack: that of tray `index`, else its neighbour's."""


@PARTS.fault("secure-boot-off")
def _secure_boot_off() -> None:
    """Secure boot is disabled."""


@PARTS.fault("no-tpm")
def _no_tpm() -> None:
    """The TPM is missing."""


@PARTS.defect("old-firmware", component="BIOS", version="")
def _old_firmware() -> None:
    """A component is older than the baseline: `version`, or the one before the baseline."""


@PARTS.defect("slow-host", ratio=0.33)
def _slow_host() -> None:
    """The host computes at `ratio` of its peers' speed, and no BMC reading says so."""


@PARTS.defect("slow-gpu", slot="", ratio=0.33)
def _slow_gpu() -> None:
    """One accelerator computes at `ratio` of its peers' speed, and no BMC reading says so."""


@PARTS.defect("wrong-serial", serial="")
def _wrong_serial() -> None:
    """The BMC reports another serial than the one on record: a swapped board or cable."""


@PARTS.fault("identity-changes", serial="", uuid="")
def _identity_changes() -> None:
    """From now on the BMC reports another serial, or with `uuid=new` another UUID."""
