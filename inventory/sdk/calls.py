"""A method for each operation of the web API.

Written by `python -m inventory.sdk.generating`; change the API instead.
"""

# ruff: noqa: A003, D101, D400, D415, E501, RUF100 - generated

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from inventory.sdk.asking import Asking

if TYPE_CHECKING:
    from inventory.sdk import models


class Podyard(Asking):
    """Every operation of the web API."""

    def list_audit(self, **query: Unpack[models.ListAuditQuery]) -> models.AuditPage:
        """Entries after a number, or the newest ones."""
        found: models.AuditPage = self._ask("GET", "/api/audit", query=query)
        return found

    def get_anchors(self) -> models.AnchorsView:
        """The head of the log signed now, and the one that lies outside of the database."""
        found: models.AnchorsView = self._ask("GET", "/api/audit/anchors")
        return found

    def list_bmc_networks(
        self, **query: Unpack[models.ListBmcNetworksQuery]
    ) -> models.PageBmcNetworkView:
        """Bmc networks, filtered and paged."""
        found: models.PageBmcNetworkView = self._ask("GET", "/api/bmc-networks", query=query)
        return found

    def get_bmc_network(
        self, name: str, **query: Unpack[models.GetBmcNetworkQuery]
    ) -> models.BmcNetworkView:
        """One bmc-network, by its name or its id."""
        found: models.BmcNetworkView = self._ask(
            "GET", "/api/bmc-networks/{name}", names={"name": name}, query=query
        )
        return found

    def put_bmc_network(self, name: str, body: models.NetworkBody) -> models.NetworkSaid:
        """Declare a network of BMCs, or declare it anew."""
        found: models.NetworkSaid = self._ask(
            "PUT", "/api/bmc-networks/{name}", body=body, names={"name": name}
        )
        return found

    def remove_bmc_network(self, name: str) -> None:
        """Take a declaration back. Hosts that have their BMC there stay as they are."""
        self._ask("DELETE", "/api/bmc-networks/{name}", names={"name": name})

    def list_cables(self, **query: Unpack[models.ListCablesQuery]) -> models.PageCableView:
        """Cables, filtered and paged."""
        found: models.PageCableView = self._ask("GET", "/api/cables", query=query)
        return found

    def create_cable(
        self,
        body: models.NewCable | list[models.NewCable],
        **query: Unpack[models.CreateCableQuery],
    ) -> models.CableView | list[models.CableView]:
        """Create one cable, or a list of them: all or none."""
        found: models.CableView | list[models.CableView] = self._ask(
            "POST", "/api/cables", body=body, query=query
        )
        return found

    def change_cables(
        self, body: list[Any], **query: Unpack[models.ChangeCablesQuery]
    ) -> list[models.CableView]:
        """Change a list of cables, each named by `id` or `name`: all or none."""
        found: list[models.CableView] = self._ask("PATCH", "/api/cables", body=body, query=query)
        return found

    def remove_cables(
        self, body: list[dict[str, Any]], **query: Unpack[models.RemoveCablesQuery]
    ) -> None:
        """Remove a list of cables, each named by `id` or `name`: all or none."""
        self._ask("DELETE", "/api/cables", body=body, query=query)

    def get_cable(self, name: str, **query: Unpack[models.GetCableQuery]) -> models.CableView:
        """One cable, by its id."""
        found: models.CableView = self._ask(
            "GET", "/api/cables/{name}", names={"name": name}, query=query
        )
        return found

    def change_cable(self, name: str, body: models.ChangeCable) -> models.CableView:
        """Change fields of a cable. What changes nothing writes nothing."""
        found: models.CableView = self._ask(
            "PATCH", "/api/cables/{name}", body=body, names={"name": name}
        )
        return found

    def remove_cable(self, name: str) -> None:
        """Remove a cable. 409 while other records name it."""
        self._ask("DELETE", "/api/cables/{name}", names={"name": name})

    def list_cdus(self, **query: Unpack[models.ListCdusQuery]) -> models.PageCduView:
        """Cdus, filtered and paged."""
        found: models.PageCduView = self._ask("GET", "/api/cdus", query=query)
        return found

    def create_cdu(
        self, body: models.NewCdu | list[models.NewCdu], **query: Unpack[models.CreateCduQuery]
    ) -> models.CduView | list[models.CduView]:
        """Create one cdu, or a list of them: all or none."""
        found: models.CduView | list[models.CduView] = self._ask(
            "POST", "/api/cdus", body=body, query=query
        )
        return found

    def change_cdus(
        self, body: list[Any], **query: Unpack[models.ChangeCdusQuery]
    ) -> list[models.CduView]:
        """Change a list of cdus, each named by `id` or `name`: all or none."""
        found: list[models.CduView] = self._ask("PATCH", "/api/cdus", body=body, query=query)
        return found

    def remove_cdus(
        self, body: list[dict[str, Any]], **query: Unpack[models.RemoveCdusQuery]
    ) -> None:
        """Remove a list of cdus, each named by `id` or `name`: all or none."""
        self._ask("DELETE", "/api/cdus", body=body, query=query)

    def put_cdu(self, name: str, body: models.NewCdu) -> models.CduView:
        """Make the cdu of this name as described: created, changed or left."""
        found: models.CduView = self._ask(
            "PUT", "/api/cdus/by-key/{name}", body=body, names={"name": name}
        )
        return found

    def get_cdu(self, name: str, **query: Unpack[models.GetCduQuery]) -> models.CduView:
        """One cdu, by its name or its id."""
        found: models.CduView = self._ask(
            "GET", "/api/cdus/{name}", names={"name": name}, query=query
        )
        return found

    def change_cdu(self, name: str, body: models.ChangeCdu) -> models.CduView:
        """Change fields of a cdu. What changes nothing writes nothing."""
        found: models.CduView = self._ask(
            "PATCH", "/api/cdus/{name}", body=body, names={"name": name}
        )
        return found

    def remove_cdu(self, name: str) -> None:
        """Remove a cdu. 409 while other records name it."""
        self._ask("DELETE", "/api/cdus/{name}", names={"name": name})

    def list_certificate_keys(self) -> list[models.CertificateKey]:
        """The public keys that verify this site's certificates."""
        found: list[models.CertificateKey] = self._ask("GET", "/api/certificate-keys")
        return found

    def list_certificates(
        self, **query: Unpack[models.ListCertificatesQuery]
    ) -> models.PageCertificateView:
        """Certificates, filtered and paged."""
        found: models.PageCertificateView = self._ask("GET", "/api/certificates", query=query)
        return found

    def get_certificate(
        self, name: str, **query: Unpack[models.GetCertificateQuery]
    ) -> models.CertificateWhole:
        """One certificate, by its id."""
        found: models.CertificateWhole = self._ask(
            "GET", "/api/certificates/{name}", names={"name": name}, query=query
        )
        return found

    def list_claims(self, **query: Unpack[models.ListClaimsQuery]) -> models.PageClaimView:
        """Claims, filtered and paged."""
        found: models.PageClaimView = self._ask("GET", "/api/claims", query=query)
        return found

    def create_claim(self, body: models.ClaimBody) -> models.Claim:
        """Claim units. 200 instead of 201 when this idempotency key has made its claim before."""
        found: models.Claim = self._ask("POST", "/api/claims", body=body)
        return found

    def get_claim(self, name: str, **query: Unpack[models.GetClaimQuery]) -> models.ClaimWhole:
        """One claim, by its id."""
        found: models.ClaimWhole = self._ask(
            "GET", "/api/claims/{name}", names={"name": name}, query=query
        )
        return found

    def release_claim(self, name: str) -> models.Claim:
        """Release a claim: its workers leave the cluster, its units become available."""
        found: models.Claim = self._ask("DELETE", "/api/claims/{name}", names={"name": name})
        return found

    def extend_claim(self, name: str, body: models.ExtendBody) -> models.Claim:
        """Let a claim that has an end last longer. Whoever is to make way still does."""
        found: models.Claim = self._ask(
            "POST", "/api/claims/{name}/extend", body=body, names={"name": name}
        )
        return found

    def list_clusters(self, **query: Unpack[models.ListClustersQuery]) -> models.PageClusterView:
        """Clusters, filtered and paged."""
        found: models.PageClusterView = self._ask("GET", "/api/clusters", query=query)
        return found

    def get_cluster(self, name: str, **query: Unpack[models.GetClusterQuery]) -> models.ClusterView:
        """One cluster, by its id."""
        found: models.ClusterView = self._ask(
            "GET", "/api/clusters/{name}", names={"name": name}, query=query
        )
        return found

    def list_deployments(
        self, **query: Unpack[models.ListDeploymentsQuery]
    ) -> models.PageDeploymentView:
        """Deployments, filtered and paged."""
        found: models.PageDeploymentView = self._ask("GET", "/api/deployments", query=query)
        return found

    def create_deployment(self, body: models.DeploymentBody) -> models.Deployment:
        """Deploy a model. Asking for the same again answers 200 with what exists."""
        found: models.Deployment = self._ask("POST", "/api/deployments", body=body)
        return found

    def get_deployment(
        self, name: str, **query: Unpack[models.GetDeploymentQuery]
    ) -> models.Deployment:
        """One deployment, by name and tenant or by id."""
        found: models.Deployment = self._ask(
            "GET", "/api/deployments/{name}", names={"name": name}, query=query
        )
        return found

    def delete_deployment(
        self, name: str, **query: Unpack[models.DeleteDeploymentQuery]
    ) -> models.Deployment:
        """Stop serving a model; its record goes when its replicas are gone."""
        found: models.Deployment = self._ask(
            "DELETE", "/api/deployments/{name}", names={"name": name}, query=query
        )
        return found

    def list_discoveries(
        self, **query: Unpack[models.ListDiscoveriesQuery]
    ) -> models.PageDiscoveryView:
        """Discoveries, filtered and paged."""
        found: models.PageDiscoveryView = self._ask("GET", "/api/discoveries", query=query)
        return found

    def start_discovery(self, body: models.DiscoveryBody) -> models.DiscoverySaid:
        """Begin a walk over declared networks; ask for it by its id until it is done."""
        found: models.DiscoverySaid = self._ask("POST", "/api/discoveries", body=body)
        return found

    def get_discovery(
        self, name: str, **query: Unpack[models.GetDiscoveryQuery]
    ) -> models.DiscoveryView:
        """One discovery, by its id."""
        found: models.DiscoveryView = self._ask(
            "GET", "/api/discoveries/{name}", names={"name": name}, query=query
        )
        return found

    def stop_discovery(self, name: str) -> models.DiscoverySaid:
        """End a walk where it is; what it saw stays."""
        found: models.DiscoverySaid = self._ask(
            "POST", "/api/discoveries/{name}/stop", names={"name": name}
        )
        return found

    def list_events(self, **query: Unpack[models.ListEventsQuery]) -> models.EventPage:
        """Events after a sequence number; with `Accept: text/event-stream` they keep coming."""
        found: models.EventPage = self._ask("GET", "/api/events", query=query)
        return found

    def list_expected_hosts(
        self, **query: Unpack[models.ListExpectedHostsQuery]
    ) -> models.PageExpectedHostView:
        """Expected hosts, filtered and paged."""
        found: models.PageExpectedHostView = self._ask("GET", "/api/expected-hosts", query=query)
        return found

    def enrol_expected_hosts(self, body: models.EnrolBody) -> models.EnrolledMany:
        """Make hosts of expected ones whose BMC was found; one that is refused keeps none back."""
        found: models.EnrolledMany = self._ask("POST", "/api/expected-hosts/enrol", body=body)
        return found

    def import_expected_hosts(
        self, **query: Unpack[models.ImportExpectedHostsQuery]
    ) -> models.Imported:
        """Take in a list as CSV, all or none; a row is known by its name, so it may be sent again."""
        found: models.Imported = self._ask("POST", "/api/expected-hosts/import", query=query)
        return found

    def get_expected_host(
        self, name: str, **query: Unpack[models.GetExpectedHostQuery]
    ) -> models.ExpectedHostView:
        """One expected-host, by its name or its id."""
        found: models.ExpectedHostView = self._ask(
            "GET", "/api/expected-hosts/{name}", names={"name": name}, query=query
        )
        return found

    def remove_expected_host(self, name: str) -> None:
        """Expect a host no more, and forget its factory password. A host that it became stays."""
        self._ask("DELETE", "/api/expected-hosts/{name}", names={"name": name})

    def export_inventory(self, **query: Unpack[models.ExportInventoryQuery]) -> dict[str, Any]:
        """Hosts as an inventory of Ansible, grouped by site, pod, rack, type, state and tag."""
        found: dict[str, Any] = self._ask("GET", "/api/export/ansible-inventory.json", query=query)
        return found

    def export_targets(self, **query: Unpack[models.ExportTargetsQuery]) -> list[dict[str, Any]]:
        """Every host's BMC as a target, for Prometheus's `http_sd_configs`."""
        found: list[dict[str, Any]] = self._ask(
            "GET", "/api/export/prometheus-sd.json", query=query
        )
        return found

    def list_factory_accounts(
        self, **query: Unpack[models.ListFactoryAccountsQuery]
    ) -> models.PageFactoryAccountView:
        """Factory accounts, filtered and paged."""
        found: models.PageFactoryAccountView = self._ask(
            "GET", "/api/factory-accounts", query=query
        )
        return found

    def get_factory_account(
        self, name: str, **query: Unpack[models.GetFactoryAccountQuery]
    ) -> models.FactoryAccountView:
        """One factory-account, by its name or its id."""
        found: models.FactoryAccountView = self._ask(
            "GET", "/api/factory-accounts/{name}", names={"name": name}, query=query
        )
        return found

    def put_factory_account(self, name: str, body: models.AccountBody) -> models.AccountSaid:
        """Keep an account that a vendor ships, for rows that refer to it."""
        found: models.AccountSaid = self._ask(
            "PUT", "/api/factory-accounts/{name}", body=body, names={"name": name}
        )
        return found

    def remove_factory_account(self, name: str) -> None:
        """Forget an account that no expected host needs any more."""
        self._ask("DELETE", "/api/factory-accounts/{name}", names={"name": name})

    def list_feeds(self, **query: Unpack[models.ListFeedsQuery]) -> models.PageFeedView:
        """Feeds, filtered and paged."""
        found: models.PageFeedView = self._ask("GET", "/api/feeds", query=query)
        return found

    def create_feed(
        self, body: models.NewFeed | list[models.NewFeed], **query: Unpack[models.CreateFeedQuery]
    ) -> models.FeedView | list[models.FeedView]:
        """Create one feed, or a list of them: all or none."""
        found: models.FeedView | list[models.FeedView] = self._ask(
            "POST", "/api/feeds", body=body, query=query
        )
        return found

    def change_feeds(
        self, body: list[Any], **query: Unpack[models.ChangeFeedsQuery]
    ) -> list[models.FeedView]:
        """Change a list of feeds, each named by `id` or `name`: all or none."""
        found: list[models.FeedView] = self._ask("PATCH", "/api/feeds", body=body, query=query)
        return found

    def remove_feeds(
        self, body: list[dict[str, Any]], **query: Unpack[models.RemoveFeedsQuery]
    ) -> None:
        """Remove a list of feeds, each named by `id` or `name`: all or none."""
        self._ask("DELETE", "/api/feeds", body=body, query=query)

    def put_feed(self, name: str, body: models.NewFeed) -> models.FeedView:
        """Make the feed of this name as described: created, changed or left."""
        found: models.FeedView = self._ask(
            "PUT", "/api/feeds/by-key/{name}", body=body, names={"name": name}
        )
        return found

    def get_feed(self, name: str, **query: Unpack[models.GetFeedQuery]) -> models.FeedView:
        """One feed, by its name or its id."""
        found: models.FeedView = self._ask(
            "GET", "/api/feeds/{name}", names={"name": name}, query=query
        )
        return found

    def change_feed(self, name: str, body: models.ChangeFeed) -> models.FeedView:
        """Change fields of a feed. What changes nothing writes nothing."""
        found: models.FeedView = self._ask(
            "PATCH", "/api/feeds/{name}", body=body, names={"name": name}
        )
        return found

    def remove_feed(self, name: str) -> None:
        """Remove a feed. 409 while other records name it."""
        self._ask("DELETE", "/api/feeds/{name}", names={"name": name})

    def list_found_bmcs(
        self, **query: Unpack[models.ListFoundBmcsQuery]
    ) -> models.PageFoundBmcView:
        """Found bmcs, filtered and paged."""
        found: models.PageFoundBmcView = self._ask("GET", "/api/found-bmcs", query=query)
        return found

    def get_found_bmc(
        self, name: str, **query: Unpack[models.GetFoundBmcQuery]
    ) -> models.FoundBmcView:
        """One found-bmc, by its id."""
        found: models.FoundBmcView = self._ask(
            "GET", "/api/found-bmcs/{name}", names={"name": name}, query=query
        )
        return found

    def hold_fleet(self, body: models.HoldBody) -> models.Status:
        """Begin nothing new on any host of any pod; what cannot be undone is driven to its end."""
        found: models.Status = self._ask("POST", "/api/hold", body=body)
        return found

    def release_fleet(self) -> models.Status:
        """Let the fleet go on."""
        found: models.Status = self._ask("DELETE", "/api/hold")
        return found

    def list_hosts(self, **query: Unpack[models.ListHostsQuery]) -> models.PageHostLine:
        """Hosts, filtered and paged."""
        found: models.PageHostLine = self._ask("GET", "/api/hosts", query=query)
        return found

    def create_host(
        self, body: models.NewHost | list[models.NewHost]
    ) -> models.HostLine | list[models.HostLine]:
        """Enrol one host, or a list of them, into free slots of pods; inspection begins at once."""
        found: models.HostLine | list[models.HostLine] = self._ask("POST", "/api/hosts", body=body)
        return found

    def change_hosts(
        self, body: list[Any], **query: Unpack[models.ChangeHostsQuery]
    ) -> list[models.HostLine]:
        """Change a list of hosts, each named by `id` or `name`: all or none."""
        found: list[models.HostLine] = self._ask("PATCH", "/api/hosts", body=body, query=query)
        return found

    def get_host(self, name: str, **query: Unpack[models.GetHostQuery]) -> models.HostWhole:
        """One host, by its name or its id."""
        found: models.HostWhole = self._ask(
            "GET", "/api/hosts/{name}", names={"name": name}, query=query
        )
        return found

    def change_host(self, name: str, body: models.ChangeHost) -> models.HostLine:
        """Change fields of a host. What changes nothing writes nothing."""
        found: models.HostLine = self._ask(
            "PATCH", "/api/hosts/{name}", body=body, names={"name": name}
        )
        return found

    def forget_host(self, name: str, **query: Unpack[models.ForgetHostQuery]) -> models.Forgotten:
        """Remove a host that is at rest: its record, units, agent's record, secrets. Events stay."""
        found: models.Forgotten = self._ask(
            "DELETE", "/api/hosts/{name}", names={"name": name}, query=query
        )
        return found

    def abort_host(self, name: str, body: models.WhyBody) -> models.HostDetail:
        """Stop what is under way and bring the host back to rest, clean and off."""
        found: models.HostDetail = self._ask(
            "POST", "/api/hosts/{name}/abort", body=body, names={"name": name}
        )
        return found

    def correct_bmc(self, name: str, body: models.BmcBody) -> models.HostDetail:
        """Correct a BMC's address, certificate or account, or the serial that is expected there."""
        found: models.HostDetail = self._ask(
            "PATCH", "/api/hosts/{name}/bmc", body=body, names={"name": name}
        )
        return found

    def host_bmc_log(
        self, name: str, **query: Unpack[models.HostBmcLogQuery]
    ) -> models.BmcLinesView:
        """The newest lines of the BMC's own log, as podyard read them."""
        found: models.BmcLinesView = self._ask(
            "GET", "/api/hosts/{name}/bmc-log", names={"name": name}, query=query
        )
        return found

    def rotate_bmc_password(self, name: str) -> models.HostDetail:
        """Give its BMC's account another password; `host.password-rotated` tells when it has it."""
        found: models.HostDetail = self._ask(
            "POST", "/api/hosts/{name}/bmc/rotate", names={"name": name}
        )
        return found

    def list_erasures(self, name: str) -> list[models.ErasureView]:
        """The certificates of erasure of a host, newest first: one for each time it was cleaned."""
        found: list[models.ErasureView] = self._ask(
            "GET", "/api/hosts/{name}/erasures", names={"name": name}
        )
        return found

    def list_host_parts(
        self, name: str, **query: Unpack[models.ListHostPartsQuery]
    ) -> models.PagePartView:
        """The parts in a host's slots now, or all that ever were; `next` goes on in `/api/parts`."""
        found: models.PagePartView = self._ask(
            "GET", "/api/hosts/{name}/parts", names={"name": name}, query=query
        )
        return found

    def pause_host(self, name: str, body: models.WhyBody) -> models.HostDetail:
        """Change nothing on this host until it is resumed; what cannot be undone ends first."""
        found: models.HostDetail = self._ask(
            "POST", "/api/hosts/{name}/pause", body=body, names={"name": name}
        )
        return found

    def quarantine_host(self, name: str, body: models.WhyBody) -> models.HostDetail:
        """Set the host apart: out of the offer and left alone until it is retried."""
        found: models.HostDetail = self._ask(
            "POST", "/api/hosts/{name}/quarantine", body=body, names={"name": name}
        )
        return found

    def host_readings(
        self, name: str, **query: Unpack[models.HostReadingsQuery]
    ) -> models.ReadingsView:
        """Power, temperature, leaks and what wears, with gaps as nulls."""
        found: models.ReadingsView = self._ask(
            "GET", "/api/hosts/{name}/readings", names={"name": name}, query=query
        )
        return found

    def resume_host(self, name: str, body: models.WhyBody) -> models.HostDetail:
        """End a pause; the host goes on from where the hardware is."""
        found: models.HostDetail = self._ask(
            "POST", "/api/hosts/{name}/resume", body=body, names={"name": name}
        )
        return found

    def retry_host(self, name: str) -> models.HostDetail:
        """Forget a host's problem and let it go on from where the hardware is."""
        found: models.HostDetail = self._ask(
            "POST", "/api/hosts/{name}/retry", names={"name": name}
        )
        return found

    def skip_for_host(self, name: str, body: models.WhyBody) -> models.HostDetail:
        """Do not wait for what the host waits for now; never for what proves it."""
        found: models.HostDetail = self._ask(
            "POST", "/api/hosts/{name}/skip", body=body, names={"name": name}
        )
        return found

    def want_host(self, name: str, body: models.TargetBody) -> models.HostDetail:
        """Say where a host is wanted: ready, enrolled, retired, or with a person for repair."""
        found: models.HostDetail = self._ask(
            "POST", "/api/hosts/{name}/target", body=body, names={"name": name}
        )
        return found

    def why_host(self, name: str) -> models.Why:
        """Why a host is where it is: since when, what was tried, what happens next."""
        found: models.Why = self._ask("GET", "/api/hosts/{name}/why", names={"name": name})
        return found

    def list_jobs(self, **query: Unpack[models.ListJobsQuery]) -> models.PageJobView:
        """Jobs, filtered and paged."""
        found: models.PageJobView = self._ask("GET", "/api/jobs", query=query)
        return found

    def queue_job(self, body: models.JobBody) -> models.Job:
        """Queue a job; it begins when its cluster has a place for it."""
        found: models.Job = self._ask("POST", "/api/jobs", body=body)
        return found

    def queue_jobs(self, body: models.ManyJobs) -> models.QueuedJobs:
        """Queue many jobs in one step: all of them, or none."""
        found: models.QueuedJobs = self._ask("POST", "/api/jobs/many", body=body)
        return found

    def get_job(self, name: str, **query: Unpack[models.GetJobQuery]) -> models.JobView:
        """One job, by its id."""
        found: models.JobView = self._ask(
            "GET", "/api/jobs/{name}", names={"name": name}, query=query
        )
        return found

    def stop_job(self, name: str) -> models.Job:
        """Stop a job, or take it out of the queue. One that has ended stays as it is."""
        found: models.Job = self._ask("POST", "/api/jobs/{name}/stop", names={"name": name})
        return found

    def list_journal_entries(
        self, **query: Unpack[models.ListJournalEntriesQuery]
    ) -> models.PageJournalEntryView:
        """Journal entries, filtered and paged."""
        found: models.PageJournalEntryView = self._ask("GET", "/api/journal-entries", query=query)
        return found

    def create_journal_entry(
        self,
        body: models.NewJournalEntry | list[models.NewJournalEntry],
        **query: Unpack[models.CreateJournalEntryQuery],
    ) -> models.JournalEntryView | list[models.JournalEntryView]:
        """Create one journal-entry, or a list of them: all or none."""
        found: models.JournalEntryView | list[models.JournalEntryView] = self._ask(
            "POST", "/api/journal-entries", body=body, query=query
        )
        return found

    def change_journal_entries(
        self, body: list[Any], **query: Unpack[models.ChangeJournalEntriesQuery]
    ) -> list[models.JournalEntryView]:
        """Change a list of journal-entries, each named by `id` or `name`: all or none."""
        found: list[models.JournalEntryView] = self._ask(
            "PATCH", "/api/journal-entries", body=body, query=query
        )
        return found

    def remove_journal_entries(
        self, body: list[dict[str, Any]], **query: Unpack[models.RemoveJournalEntriesQuery]
    ) -> None:
        """Remove a list of journal-entries, each named by `id` or `name`: all or none."""
        self._ask("DELETE", "/api/journal-entries", body=body, query=query)

    def get_journal_entry(
        self, name: str, **query: Unpack[models.GetJournalEntryQuery]
    ) -> models.JournalEntryView:
        """One journal-entry, by its id."""
        found: models.JournalEntryView = self._ask(
            "GET", "/api/journal-entries/{name}", names={"name": name}, query=query
        )
        return found

    def change_journal_entry(
        self, name: str, body: models.ChangeJournalEntry
    ) -> models.JournalEntryView:
        """Change fields of a journal-entry. What changes nothing writes nothing."""
        found: models.JournalEntryView = self._ask(
            "PATCH", "/api/journal-entries/{name}", body=body, names={"name": name}
        )
        return found

    def remove_journal_entry(self, name: str) -> None:
        """Remove a journal-entry. 409 while other records name it."""
        self._ask("DELETE", "/api/journal-entries/{name}", names={"name": name})

    def list_keys(self, **query: Unpack[models.ListKeysQuery]) -> models.PageKeyView:
        """Keys, without their secrets."""
        found: models.PageKeyView = self._ask("GET", "/api/keys", query=query)
        return found

    def create_key(self, body: models.KeyBody) -> models.InventoryRoutesKeysNewKey:
        """Make a key. Its text is in this answer and nowhere else."""
        found: models.InventoryRoutesKeysNewKey = self._ask("POST", "/api/keys", body=body)
        return found

    def revoke_key(self, key_id: str) -> models.KeyView:
        """Revoke a key; it stops working at once. 409 for the last that can administer the site."""
        found: models.KeyView = self._ask("DELETE", "/api/keys/{key_id}", names={"key_id": key_id})
        return found

    def rotate_key(self, key_id: str, body: models.RotateBody) -> models.InventoryRoutesKeysNewKey:
        """Make a key like this one, and let this one end after the overlap."""
        found: models.InventoryRoutesKeysNewKey = self._ask(
            "POST", "/api/keys/{key_id}/rotate", body=body, names={"key_id": key_id}
        )
        return found

    def list_locations(self, **query: Unpack[models.ListLocationsQuery]) -> models.PageLocationView:
        """Locations, filtered and paged."""
        found: models.PageLocationView = self._ask("GET", "/api/locations", query=query)
        return found

    def create_location(
        self,
        body: models.NewLocation | list[models.NewLocation],
        **query: Unpack[models.CreateLocationQuery],
    ) -> models.LocationView | list[models.LocationView]:
        """Create one location, or a list of them: all or none."""
        found: models.LocationView | list[models.LocationView] = self._ask(
            "POST", "/api/locations", body=body, query=query
        )
        return found

    def change_locations(
        self, body: list[Any], **query: Unpack[models.ChangeLocationsQuery]
    ) -> list[models.LocationView]:
        """Change a list of locations, each named by `id` or `name`: all or none."""
        found: list[models.LocationView] = self._ask(
            "PATCH", "/api/locations", body=body, query=query
        )
        return found

    def remove_locations(
        self, body: list[dict[str, Any]], **query: Unpack[models.RemoveLocationsQuery]
    ) -> None:
        """Remove a list of locations, each named by `id` or `name`: all or none."""
        self._ask("DELETE", "/api/locations", body=body, query=query)

    def put_location(self, name: str, body: models.NewLocation) -> models.LocationView:
        """Make the location of this name as described: created, changed or left."""
        found: models.LocationView = self._ask(
            "PUT", "/api/locations/by-key/{name}", body=body, names={"name": name}
        )
        return found

    def get_location(
        self, name: str, **query: Unpack[models.GetLocationQuery]
    ) -> models.LocationView:
        """One location, by its name or its id."""
        found: models.LocationView = self._ask(
            "GET", "/api/locations/{name}", names={"name": name}, query=query
        )
        return found

    def change_location(self, name: str, body: models.ChangeLocation) -> models.LocationView:
        """Change fields of a location. What changes nothing writes nothing."""
        found: models.LocationView = self._ask(
            "PATCH", "/api/locations/{name}", body=body, names={"name": name}
        )
        return found

    def remove_location(self, name: str) -> None:
        """Remove a location. 409 while other records name it."""
        self._ask("DELETE", "/api/locations/{name}", names={"name": name})

    def get_me(self) -> models.Me:
        """Who you are, and what you may do."""
        found: models.Me = self._ask("GET", "/api/me")
        return found

    def change_own_password(self, body: models.OwnPasswordBody) -> models.UserView:
        """Change your own password, by showing the old one. It ends your sessions."""
        found: models.UserView = self._ask("POST", "/api/me/password", body=body)
        return found

    def get_netbox(self) -> models.NetBoxStatus:
        """How the sync stands; `configured` is false where there is no NetBox."""
        found: models.NetBoxStatus = self._ask("GET", "/api/netbox")
        return found

    def get_netbox_drift(self) -> models.NetBoxDrift:
        """What differed when podyard last looked at all of NetBox."""
        found: models.NetBoxDrift = self._ask("GET", "/api/netbox/drift")
        return found

    def start_netbox_run(self, body: models.ErrandBody) -> models.NetBoxRun:
        """Begin an errand; ask for it by its id until it is done. 409 while another is under way."""
        found: models.NetBoxRun = self._ask("POST", "/api/netbox/runs", body=body)
        return found

    def get_netbox_run(self, run_id: str) -> models.NetBoxRun:
        """One errand. Only the last twenty are remembered, and none over a restart."""
        found: models.NetBoxRun = self._ask(
            "GET", "/api/netbox/runs/{run_id}", names={"run_id": run_id}
        )
        return found

    def take_netbox_webhook(self) -> models.HintView:
        """A webhook of NetBox, signed with the shared secret: a hint to look, never believed."""
        found: models.HintView = self._ask("POST", "/api/netbox/webhook")
        return found

    def list_object_changes(
        self, **query: Unpack[models.ListObjectChangesQuery]
    ) -> models.PageObjectChangeView:
        """Object changes, filtered and paged."""
        found: models.PageObjectChangeView = self._ask("GET", "/api/object-changes", query=query)
        return found

    def get_object_change(
        self, name: str, **query: Unpack[models.GetObjectChangeQuery]
    ) -> models.ObjectChangeView:
        """One object-change, by its id."""
        found: models.ObjectChangeView = self._ask(
            "GET", "/api/object-changes/{name}", names={"name": name}, query=query
        )
        return found

    def openapi(self) -> dict[str, Any]:
        """This document."""
        found: dict[str, Any] = self._ask("GET", "/api/openapi.json")
        return found

    def list_parts(self, **query: Unpack[models.ListPartsQuery]) -> models.PagePartView:
        """Parts, filtered and paged."""
        found: models.PagePartView = self._ask("GET", "/api/parts", query=query)
        return found

    def change_parts(
        self, body: list[Any], **query: Unpack[models.ChangePartsQuery]
    ) -> list[models.PartView]:
        """Change a list of parts, each named by `id` or `name`: all or none."""
        found: list[models.PartView] = self._ask("PATCH", "/api/parts", body=body, query=query)
        return found

    def get_part(self, name: str, **query: Unpack[models.GetPartQuery]) -> models.PartView:
        """One part, by its id."""
        found: models.PartView = self._ask(
            "GET", "/api/parts/{name}", names={"name": name}, query=query
        )
        return found

    def change_part(self, name: str, body: models.ChangePart) -> models.PartView:
        """Change fields of a part. What changes nothing writes nothing."""
        found: models.PartView = self._ask(
            "PATCH", "/api/parts/{name}", body=body, names={"name": name}
        )
        return found

    def list_pdus(self, **query: Unpack[models.ListPdusQuery]) -> models.PagePduView:
        """Pdus, filtered and paged."""
        found: models.PagePduView = self._ask("GET", "/api/pdus", query=query)
        return found

    def create_pdu(
        self, body: models.NewPdu | list[models.NewPdu], **query: Unpack[models.CreatePduQuery]
    ) -> models.PduView | list[models.PduView]:
        """Create one pdu, or a list of them: all or none."""
        found: models.PduView | list[models.PduView] = self._ask(
            "POST", "/api/pdus", body=body, query=query
        )
        return found

    def change_pdus(
        self, body: list[Any], **query: Unpack[models.ChangePdusQuery]
    ) -> list[models.PduView]:
        """Change a list of pdus, each named by `id` or `name`: all or none."""
        found: list[models.PduView] = self._ask("PATCH", "/api/pdus", body=body, query=query)
        return found

    def remove_pdus(
        self, body: list[dict[str, Any]], **query: Unpack[models.RemovePdusQuery]
    ) -> None:
        """Remove a list of pdus, each named by `id` or `name`: all or none."""
        self._ask("DELETE", "/api/pdus", body=body, query=query)

    def put_pdu(self, name: str, body: models.NewPdu) -> models.PduView:
        """Make the pdu of this name as described: created, changed or left."""
        found: models.PduView = self._ask(
            "PUT", "/api/pdus/by-key/{name}", body=body, names={"name": name}
        )
        return found

    def get_pdu(self, name: str, **query: Unpack[models.GetPduQuery]) -> models.PduView:
        """One pdu, by its name or its id."""
        found: models.PduView = self._ask(
            "GET", "/api/pdus/{name}", names={"name": name}, query=query
        )
        return found

    def change_pdu(self, name: str, body: models.ChangePdu) -> models.PduView:
        """Change fields of a pdu. What changes nothing writes nothing."""
        found: models.PduView = self._ask(
            "PATCH", "/api/pdus/{name}", body=body, names={"name": name}
        )
        return found

    def remove_pdu(self, name: str) -> None:
        """Remove a pdu. 409 while other records name it."""
        self._ask("DELETE", "/api/pdus/{name}", names={"name": name})

    def list_pods(self, **query: Unpack[models.ListPodsQuery]) -> models.PagePodLine:
        """Pods, filtered and paged."""
        found: models.PagePodLine = self._ask("GET", "/api/pods", query=query)
        return found

    def apply_pod(self, body: models.GivenPod) -> models.PodDetail:
        """Create a pod and enrol its hosts, all or nothing; inspection begins at once."""
        found: models.PodDetail = self._ask("POST", "/api/pods", body=body)
        return found

    def change_pods(
        self, body: list[Any], **query: Unpack[models.ChangePodsQuery]
    ) -> list[models.PodLine]:
        """Change a list of pods, each named by `id` or `name`: all or none."""
        found: list[models.PodLine] = self._ask("PATCH", "/api/pods", body=body, query=query)
        return found

    def get_pod(self, name: str, **query: Unpack[models.GetPodQuery]) -> models.PodWhole:
        """One pod, by its name or its id."""
        found: models.PodWhole = self._ask(
            "GET", "/api/pods/{name}", names={"name": name}, query=query
        )
        return found

    def change_pod(self, name: str, body: models.ChangePod) -> models.PodLine:
        """Change fields of a pod. What changes nothing writes nothing."""
        found: models.PodLine = self._ask(
            "PATCH", "/api/pods/{name}", body=body, names={"name": name}
        )
        return found

    def hold_pod(self, name: str) -> models.PodDetail:
        """Start nothing more in this pod. What is under way ends where it may rest."""
        found: models.PodDetail = self._ask("POST", "/api/pods/{name}/hold", names={"name": name})
        return found

    def add_hosts(self, name: str, body: models.GivenHosts) -> models.PodDetail:
        """Enrol hosts into free slots of a pod, all or nothing; inspection begins at once."""
        found: models.PodDetail = self._ask(
            "POST", "/api/pods/{name}/hosts", body=body, names={"name": name}
        )
        return found

    def plan_pod(self, name: str) -> models.PlanView:
        """What a bring-up would do now. 409 names the hosts that are still being inspected."""
        found: models.PlanView = self._ask("GET", "/api/pods/{name}/plan", names={"name": name})
        return found

    def start_pod(self, name: str, body: models.UpBody) -> models.PodDetail:
        """Approve a plan by its digest and start it. 409 when the plan is another one by now."""
        found: models.PodDetail = self._ask(
            "POST", "/api/pods/{name}/up", body=body, names={"name": name}
        )
        return found

    def list_power_shelves(
        self, **query: Unpack[models.ListPowerShelvesQuery]
    ) -> models.PagePowerShelfView:
        """Power shelves, filtered and paged."""
        found: models.PagePowerShelfView = self._ask("GET", "/api/power-shelves", query=query)
        return found

    def create_power_shelf(
        self,
        body: models.NewPowerShelf | list[models.NewPowerShelf],
        **query: Unpack[models.CreatePowerShelfQuery],
    ) -> models.PowerShelfView | list[models.PowerShelfView]:
        """Create one power-shelf, or a list of them: all or none."""
        found: models.PowerShelfView | list[models.PowerShelfView] = self._ask(
            "POST", "/api/power-shelves", body=body, query=query
        )
        return found

    def change_power_shelves(
        self, body: list[Any], **query: Unpack[models.ChangePowerShelvesQuery]
    ) -> list[models.PowerShelfView]:
        """Change a list of power-shelves, each named by `id` or `name`: all or none."""
        found: list[models.PowerShelfView] = self._ask(
            "PATCH", "/api/power-shelves", body=body, query=query
        )
        return found

    def remove_power_shelves(
        self, body: list[dict[str, Any]], **query: Unpack[models.RemovePowerShelvesQuery]
    ) -> None:
        """Remove a list of power-shelves, each named by `id` or `name`: all or none."""
        self._ask("DELETE", "/api/power-shelves", body=body, query=query)

    def put_power_shelf(self, name: str, body: models.NewPowerShelf) -> models.PowerShelfView:
        """Make the power-shelf of this name as described: created, changed or left."""
        found: models.PowerShelfView = self._ask(
            "PUT", "/api/power-shelves/by-key/{name}", body=body, names={"name": name}
        )
        return found

    def get_power_shelf(
        self, name: str, **query: Unpack[models.GetPowerShelfQuery]
    ) -> models.PowerShelfView:
        """One power-shelf, by its name or its id."""
        found: models.PowerShelfView = self._ask(
            "GET", "/api/power-shelves/{name}", names={"name": name}, query=query
        )
        return found

    def change_power_shelf(self, name: str, body: models.ChangePowerShelf) -> models.PowerShelfView:
        """Change fields of a power-shelf. What changes nothing writes nothing."""
        found: models.PowerShelfView = self._ask(
            "PATCH", "/api/power-shelves/{name}", body=body, names={"name": name}
        )
        return found

    def remove_power_shelf(self, name: str) -> None:
        """Remove a power-shelf. 409 while other records name it."""
        self._ask("DELETE", "/api/power-shelves/{name}", names={"name": name})

    def list_problems(self, **query: Unpack[models.ListProblemsQuery]) -> models.PageProblemLine:
        """Problems, filtered and paged."""
        found: models.PageProblemLine = self._ask("GET", "/api/problems", query=query)
        return found

    def get_problem(self, name: str, **query: Unpack[models.GetProblemQuery]) -> models.ProblemLine:
        """One problem, by its name or its id."""
        found: models.ProblemLine = self._ask(
            "GET", "/api/problems/{name}", names={"name": name}, query=query
        )
        return found

    def list_quotas(self, **query: Unpack[models.ListQuotasQuery]) -> models.PageQuotaView:
        """Quotas, filtered and paged."""
        found: models.PageQuotaView = self._ask("GET", "/api/quotas", query=query)
        return found

    def create_quota(
        self,
        body: models.NewQuota | list[models.NewQuota],
        **query: Unpack[models.CreateQuotaQuery],
    ) -> models.QuotaView | list[models.QuotaView]:
        """Create one quota, or a list of them: all or none."""
        found: models.QuotaView | list[models.QuotaView] = self._ask(
            "POST", "/api/quotas", body=body, query=query
        )
        return found

    def change_quotas(
        self, body: list[Any], **query: Unpack[models.ChangeQuotasQuery]
    ) -> list[models.QuotaView]:
        """Change a list of quotas, each named by `id` or `name`: all or none."""
        found: list[models.QuotaView] = self._ask("PATCH", "/api/quotas", body=body, query=query)
        return found

    def remove_quotas(
        self, body: list[dict[str, Any]], **query: Unpack[models.RemoveQuotasQuery]
    ) -> None:
        """Remove a list of quotas, each named by `id` or `name`: all or none."""
        self._ask("DELETE", "/api/quotas", body=body, query=query)

    def put_quota(self, name: str, body: models.NewQuota) -> models.QuotaView:
        """Make the quota of this name as described: created, changed or left."""
        found: models.QuotaView = self._ask(
            "PUT", "/api/quotas/by-key/{name}", body=body, names={"name": name}
        )
        return found

    def get_quota(self, name: str, **query: Unpack[models.GetQuotaQuery]) -> models.QuotaWhole:
        """One quota, by its name or its id."""
        found: models.QuotaWhole = self._ask(
            "GET", "/api/quotas/{name}", names={"name": name}, query=query
        )
        return found

    def change_quota(self, name: str, body: models.ChangeQuota) -> models.QuotaView:
        """Change fields of a quota. What changes nothing writes nothing."""
        found: models.QuotaView = self._ask(
            "PATCH", "/api/quotas/{name}", body=body, names={"name": name}
        )
        return found

    def remove_quota(self, name: str) -> None:
        """Remove a quota. 409 while other records name it."""
        self._ask("DELETE", "/api/quotas/{name}", names={"name": name})

    def list_racks(self, **query: Unpack[models.ListRacksQuery]) -> models.PageRackView:
        """Racks, filtered and paged."""
        found: models.PageRackView = self._ask("GET", "/api/racks", query=query)
        return found

    def create_rack(
        self, body: models.NewRack | list[models.NewRack], **query: Unpack[models.CreateRackQuery]
    ) -> models.RackView | list[models.RackView]:
        """Create one rack, or a list of them: all or none."""
        found: models.RackView | list[models.RackView] = self._ask(
            "POST", "/api/racks", body=body, query=query
        )
        return found

    def change_racks(
        self, body: list[Any], **query: Unpack[models.ChangeRacksQuery]
    ) -> list[models.RackView]:
        """Change a list of racks, each named by `id` or `name`: all or none."""
        found: list[models.RackView] = self._ask("PATCH", "/api/racks", body=body, query=query)
        return found

    def remove_racks(
        self, body: list[dict[str, Any]], **query: Unpack[models.RemoveRacksQuery]
    ) -> None:
        """Remove a list of racks, each named by `id` or `name`: all or none."""
        self._ask("DELETE", "/api/racks", body=body, query=query)

    def put_rack(self, name: str, body: models.NewRack) -> models.RackView:
        """Make the rack of this name as described: created, changed or left."""
        found: models.RackView = self._ask(
            "PUT", "/api/racks/by-key/{name}", body=body, names={"name": name}
        )
        return found

    def get_rack(self, name: str, **query: Unpack[models.GetRackQuery]) -> models.RackView:
        """One rack, by its name or its id."""
        found: models.RackView = self._ask(
            "GET", "/api/racks/{name}", names={"name": name}, query=query
        )
        return found

    def change_rack(self, name: str, body: models.ChangeRack) -> models.RackView:
        """Change fields of a rack. What changes nothing writes nothing."""
        found: models.RackView = self._ask(
            "PATCH", "/api/racks/{name}", body=body, names={"name": name}
        )
        return found

    def remove_rack(self, name: str) -> None:
        """Remove a rack. 409 while other records name it."""
        self._ask("DELETE", "/api/racks/{name}", names={"name": name})

    def set_up(self) -> models.InventoryRoutesKeysNewKey:
        """Trade the single-use set-up key of the first start for the first admin key."""
        found: models.InventoryRoutesKeysNewKey = self._ask("POST", "/api/setup")
        return found

    def list_sites(self, **query: Unpack[models.ListSitesQuery]) -> models.PageSiteView:
        """Sites, filtered and paged."""
        found: models.PageSiteView = self._ask("GET", "/api/sites", query=query)
        return found

    def create_site(
        self, body: models.NewSite | list[models.NewSite], **query: Unpack[models.CreateSiteQuery]
    ) -> models.SiteView | list[models.SiteView]:
        """Create one site, or a list of them: all or none."""
        found: models.SiteView | list[models.SiteView] = self._ask(
            "POST", "/api/sites", body=body, query=query
        )
        return found

    def change_sites(
        self, body: list[Any], **query: Unpack[models.ChangeSitesQuery]
    ) -> list[models.SiteView]:
        """Change a list of sites, each named by `id` or `name`: all or none."""
        found: list[models.SiteView] = self._ask("PATCH", "/api/sites", body=body, query=query)
        return found

    def remove_sites(
        self, body: list[dict[str, Any]], **query: Unpack[models.RemoveSitesQuery]
    ) -> None:
        """Remove a list of sites, each named by `id` or `name`: all or none."""
        self._ask("DELETE", "/api/sites", body=body, query=query)

    def put_site(self, name: str, body: models.NewSite) -> models.SiteView:
        """Make the site of this name as described: created, changed or left."""
        found: models.SiteView = self._ask(
            "PUT", "/api/sites/by-key/{name}", body=body, names={"name": name}
        )
        return found

    def get_site(self, name: str, **query: Unpack[models.GetSiteQuery]) -> models.SiteView:
        """One site, by its name or its id."""
        found: models.SiteView = self._ask(
            "GET", "/api/sites/{name}", names={"name": name}, query=query
        )
        return found

    def change_site(self, name: str, body: models.ChangeSite) -> models.SiteView:
        """Change fields of a site. What changes nothing writes nothing."""
        found: models.SiteView = self._ask(
            "PATCH", "/api/sites/{name}", body=body, names={"name": name}
        )
        return found

    def remove_site(self, name: str) -> None:
        """Remove a site. 409 while other records name it."""
        self._ask("DELETE", "/api/sites/{name}", names={"name": name})

    def read_status(self) -> models.Status:
        """Hosts by state and by problem, and whether anything holds the fleet."""
        found: models.Status = self._ask("GET", "/api/status")
        return found

    def list_switches(self, **query: Unpack[models.ListSwitchesQuery]) -> models.PageSwitchView:
        """Switches, filtered and paged."""
        found: models.PageSwitchView = self._ask("GET", "/api/switches", query=query)
        return found

    def create_switch(
        self,
        body: models.NewSwitch | list[models.NewSwitch],
        **query: Unpack[models.CreateSwitchQuery],
    ) -> models.SwitchView | list[models.SwitchView]:
        """Create one switch, or a list of them: all or none."""
        found: models.SwitchView | list[models.SwitchView] = self._ask(
            "POST", "/api/switches", body=body, query=query
        )
        return found

    def change_switches(
        self, body: list[Any], **query: Unpack[models.ChangeSwitchesQuery]
    ) -> list[models.SwitchView]:
        """Change a list of switches, each named by `id` or `name`: all or none."""
        found: list[models.SwitchView] = self._ask("PATCH", "/api/switches", body=body, query=query)
        return found

    def remove_switches(
        self, body: list[dict[str, Any]], **query: Unpack[models.RemoveSwitchesQuery]
    ) -> None:
        """Remove a list of switches, each named by `id` or `name`: all or none."""
        self._ask("DELETE", "/api/switches", body=body, query=query)

    def put_switch(self, name: str, body: models.NewSwitch) -> models.SwitchView:
        """Make the switch of this name as described: created, changed or left."""
        found: models.SwitchView = self._ask(
            "PUT", "/api/switches/by-key/{name}", body=body, names={"name": name}
        )
        return found

    def get_switch(self, name: str, **query: Unpack[models.GetSwitchQuery]) -> models.SwitchView:
        """One switch, by its name or its id."""
        found: models.SwitchView = self._ask(
            "GET", "/api/switches/{name}", names={"name": name}, query=query
        )
        return found

    def change_switch(self, name: str, body: models.ChangeSwitch) -> models.SwitchView:
        """Change fields of a switch. What changes nothing writes nothing."""
        found: models.SwitchView = self._ask(
            "PATCH", "/api/switches/{name}", body=body, names={"name": name}
        )
        return found

    def remove_switch(self, name: str) -> None:
        """Remove a switch. 409 while other records name it."""
        self._ask("DELETE", "/api/switches/{name}", names={"name": name})

    def list_tags(self, **query: Unpack[models.ListTagsQuery]) -> models.PageTagView:
        """Tags that records carry, in their order, with how many of each list do."""
        found: models.PageTagView = self._ask("GET", "/api/tags", query=query)
        return found

    def list_tenants(self, **query: Unpack[models.ListTenantsQuery]) -> models.PageTenantView:
        """Tenants, filtered and paged."""
        found: models.PageTenantView = self._ask("GET", "/api/tenants", query=query)
        return found

    def create_tenant(self, body: models.TenantBody) -> models.Tenant:
        """Create a tenant."""
        found: models.Tenant = self._ask("POST", "/api/tenants", body=body)
        return found

    def get_tenant(self, name: str, **query: Unpack[models.GetTenantQuery]) -> models.TenantView:
        """One tenant, by its name or its id."""
        found: models.TenantView = self._ask(
            "GET", "/api/tenants/{name}", names={"name": name}, query=query
        )
        return found

    def list_units(self, **query: Unpack[models.ListUnitsQuery]) -> models.PageUnitView:
        """Units, filtered and paged."""
        found: models.PageUnitView = self._ask("GET", "/api/units", query=query)
        return found

    def get_unit(self, name: str, **query: Unpack[models.GetUnitQuery]) -> models.UnitView:
        """One unit, by its name or its id."""
        found: models.UnitView = self._ask(
            "GET", "/api/units/{name}", names={"name": name}, query=query
        )
        return found

    def get_usage(self, **query: Unpack[models.GetUsageQuery]) -> models.UsageView:
        """Totals per tenant, claim and model; a tenant's key sees its own."""
        found: models.UsageView = self._ask("GET", "/api/usage", query=query)
        return found

    def list_usage_records(
        self, **query: Unpack[models.ListUsageRecordsQuery]
    ) -> models.PageUsageRecordView:
        """Usage records, filtered and paged."""
        found: models.PageUsageRecordView = self._ask("GET", "/api/usage-records", query=query)
        return found

    def get_usage_record(
        self, name: str, **query: Unpack[models.GetUsageRecordQuery]
    ) -> models.UsageRecordView:
        """One usage-record, by its id."""
        found: models.UsageRecordView = self._ask(
            "GET", "/api/usage-records/{name}", names={"name": name}, query=query
        )
        return found

    def list_users(self, **query: Unpack[models.ListUsersQuery]) -> models.PageUserView:
        """Everybody who may sign in."""
        found: models.PageUserView = self._ask("GET", "/api/users", query=query)
        return found

    def create_user(self, body: models.UserBody) -> models.UserView:
        """Add a person. Without a password they can sign in by OpenID Connect alone."""
        found: models.UserView = self._ask("POST", "/api/users", body=body)
        return found

    def get_user(self, name: str) -> models.UserView:
        """One person."""
        found: models.UserView = self._ask("GET", "/api/users/{name}", names={"name": name})
        return found

    def disable_user(self, name: str) -> models.UserView:
        """Let a person in no more; their sessions end at once. 409 for the last admin."""
        found: models.UserView = self._ask(
            "POST", "/api/users/{name}/disable", names={"name": name}
        )
        return found

    def enable_user(self, name: str) -> models.UserView:
        """Let a person in again."""
        found: models.UserView = self._ask("POST", "/api/users/{name}/enable", names={"name": name})
        return found

    def grant_role(self, name: str, body: models.GrantBody) -> models.UserView:
        """Give a role, at one site or everywhere."""
        found: models.UserView = self._ask(
            "POST", "/api/users/{name}/grants", body=body, names={"name": name}
        )
        return found

    def revoke_role(self, name: str, **query: Unpack[models.RevokeRoleQuery]) -> models.UserView:
        """Take a role away; it counts from the next request on. 409 for the last admin's."""
        found: models.UserView = self._ask(
            "DELETE", "/api/users/{name}/grants", names={"name": name}, query=query
        )
        return found

    def set_password(self, name: str, body: models.PasswordBody) -> models.UserView:
        """Set a password. It ends every session of this person."""
        found: models.UserView = self._ask(
            "POST", "/api/users/{name}/password", body=body, names={"name": name}
        )
        return found

    def list_webhooks(self, **query: Unpack[models.ListWebhooksQuery]) -> models.PageWebhook:
        """Receivers, without their keys."""
        found: models.PageWebhook = self._ask("GET", "/api/webhooks", query=query)
        return found

    def create_webhook(self, body: models.WebhookBody) -> models.InventoryRoutesWebhooksNewKey:
        """Make a receiver. It hears of what happens from now on."""
        found: models.InventoryRoutesWebhooksNewKey = self._ask("POST", "/api/webhooks", body=body)
        return found

    def get_webhook(self, name: str) -> models.Webhook:
        """One receiver."""
        found: models.Webhook = self._ask("GET", "/api/webhooks/{name}", names={"name": name})
        return found

    def change_webhook(self, name: str, body: models.WebhookPatch) -> models.Webhook:
        """Change where it is, what it hears, or switch it off and on."""
        found: models.Webhook = self._ask(
            "PATCH", "/api/webhooks/{name}", body=body, names={"name": name}
        )
        return found

    def delete_webhook(self, name: str) -> models.Webhook:
        """Remove a receiver with its keys and what was still to be sent."""
        found: models.Webhook = self._ask("DELETE", "/api/webhooks/{name}", names={"name": name})
        return found

    def list_deliveries(
        self, name: str, **query: Unpack[models.ListDeliveriesQuery]
    ) -> models.PageDelivery:
        """What became of each message."""
        found: models.PageDelivery = self._ask(
            "GET", "/api/webhooks/{name}/deliveries", names={"name": name}, query=query
        )
        return found

    def replay(self, name: str, body: models.ReplayBody) -> models.Replayed:
        """Tell events once more, under the ids that they had."""
        found: models.Replayed = self._ask(
            "POST", "/api/webhooks/{name}/replay", body=body, names={"name": name}
        )
        return found
