"""The settings of provisioning. Each is documented in docs/reference/settings.md."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from provisioning.onboarding.policy import AdoptionPolicy


class ProvisioningSettings(BaseSettings):
    """Read by the composition root from `PODYARD_PROVISIONING_…`."""

    model_config = SettingsConfigDict(env_prefix="PODYARD_PROVISIONING_", frozen=True)

    bmc_deadline_s: float = Field(default=10.0, gt=0)
    """Longest exchange with a BMC; a slow one answers a power read in 4 s."""
    ipmi: bool = Field(default=False)
    """Whether `ipmi://` addresses may be used: its log-in hands out a hash of the password."""
    settle_grace_s: float = Field(default=22.0, gt=0)
    """How long an act that shows no trace may still be on its way: twice the deadline and some."""
    update_allowed_s: float = Field(default=2700.0, gt=0)
    """How long an update may take unseen before a person is asked; HGX boards need 40 min."""
    erase_allowed_s: float = Field(default=172_800.0, gt=0)
    """How long one drive may take to be erased; writing over a 20 TB disk takes 36 hours."""
    images_mb_per_s: float = Field(default=110.0, gt=0)
    """What the image server sends in a second, all transfers together; 110 MB is a gigabit."""
    hosts_at_once: int = Field(default=1024, ge=1)
    """Most hosts worked on at the same time by one controller; how many are, it finds out."""
    hosts_at_first: int = Field(default=64, ge=1)
    """Where that search begins, after each start."""
    playbooks_at_once: int = Field(default=16, ge=1)
    """Each is a process of its own."""
    playbook_values: Path | None = Field(default=None)
    """The site's file of what playbooks set: docs/guides/configuring.md. None: podyard's own."""
    playbook_deadline_s: float = Field(default=1800.0, gt=0)
    """Longest run; a driver's packages from a slow mirror take 20 min."""
    lease_s: float = Field(default=20.0, ge=1)
    """How long a controller's lease lasts; another one takes over after it and its last request."""
    tick_s: float = Field(default=0.2, gt=0)
    """How often due hosts are looked for."""
    retry_first_s: float = Field(default=2.0, gt=0)
    """First pause after a BMC that cannot be reached; doubles up to `retry_longest_s`."""
    retry_longest_s: float = Field(default=120.0, gt=0)
    destructive_per_rack: int = Field(default=8, ge=1)
    """Hosts of one rack in an update at once: a bad image costs half a rack, not a rack."""
    destructive_per_feed: int = Field(default=32, ge=1)
    """Hosts of one feed in an update at once."""
    destructive_per_scale_up: int = Field(default=8, ge=1)
    """Hosts of one scale-up domain in an update at once: it is worth little without any of them."""
    destructive_per_site: int = Field(default=256, ge=1)
    """Hosts of the whole site in an update at once."""
    destructive_share_of_site: float = Field(default=0.025, ge=0, le=1)
    """The same as a share of the site's hosts, as far as a controller knows them: what is more."""
    inspect_every_s: float = Field(default=900.0, ge=1)
    """How often a ready host's whole hardware is read again; an Xid or a restart is seen sooner."""
    boot_image: str = Field(default="")
    """What real hosts boot into memory: the name or digest of an image of `podyard image list` that
    has a boot medium. Empty: they are given their boot document alone."""
    disk_image: str = Field(default="")
    """What is written to the disks of real hosts whose pod's boot policy is disk: the name or
    digest of an image. Empty: the one that they boot into memory to write it, `boot_image`."""
    close_ipmi: bool = Field(default=True)
    """Whether IPMI over LAN is closed at BMCs that do not need it, and weak suites at others."""
    bmc_certificates: bool = Field(default=False)
    """Whether BMCs get certificates of the site's own authority; they stay pinned in any case."""
    bmc_ca_certificate: Path | None = Field(default=None)
    """The certificate (PEM) of the authority that signs them; without it podyard makes one."""
    bmc_ca_key: Path | None = Field(default=None)
    """Its key (PEM, unencrypted, readable by the service's user alone)."""
    rotate_passwords_days: float = Field(default=0.0, ge=0)
    """How old a BMC password may become that podyard made; 0: none is rotated by itself."""
    at_sites: dict[str, AdoptionPolicy] = Field(default_factory=dict)
    """What some sites want otherwise: `{"zurich": {"close_ipmi": false, "certificates": true}}`."""
    profiles: Path | None = Field(default=None)
    """The folder of the DMTF interoperability profiles (`*.json`) that specs name."""
    inspections_at_once: int = Field(default=16, ge=1)
    """Ready hosts that are read again at the same time, so that bring-ups keep their pace."""
    playbook: Literal["base", "none"] = Field(default="base")
    """What configures a host that has booted; none: its image comes up as it is to be."""

    @property
    def any_certificates(self) -> bool:
        """Whether any site wants certificates at its BMCs."""
        return self.bmc_certificates or any(one.certificates for one in self.at_sites.values())

    def adoption_at(self, site: str) -> AdoptionPolicy:
        """What is done at the BMCs of a site: what all get, less what it wants otherwise."""
        common = AdoptionPolicy(
            close_ipmi=self.close_ipmi,
            certificates=self.bmc_certificates,
            rotate_every_days=self.rotate_passwords_days,
        )
        other = self.at_sites.get(site)
        if other is None:
            return common
        said = {name: getattr(other, name) for name in other.model_fields_set}
        return common.model_copy(update=said)
