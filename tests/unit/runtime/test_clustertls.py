"""What a cluster's own authority signs, and what a host makes of it."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509

from inventory.agents import RayOrder
from runtime.clustertls import issue_tls
from runtime.place import Place
from runtime.raycommand import ray_environment, store_of
from runtime.raysecrets import forget_secrets, keep_only_store, write_secrets

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TLS = issue_tls(7, now=NOW)


def make_order(**changes: object) -> RayOrder:
    fields = {
        "cluster_id": "c1",
        "cluster": "acme/main",
        "role": "head",
        "network": "t-7",
        "address": "10.77.7.10/24",
        "head_address": "10.77.7.10",
        "token": "very-secret",
        "tls": TLS,
        "num_cpus": 1,
        "num_gpus": 0,
    }
    return RayOrder.model_validate(fields | changes)


def make_place(root: Path) -> Place:
    return Place(run=root / "run", root=root, isolated=True)


def test_certificate_is_signed_by_the_authority_for_every_address_of_the_cluster() -> None:
    root = x509.load_pem_x509_certificate(TLS.ca_pem.encode())
    leaf = x509.load_pem_x509_certificate(TLS.certificate_pem.encode())
    leaf.verify_directly_issued_by(root)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.IPAddress)
    assert {ip_address("10.77.7.10"), ip_address("10.77.7.254")} <= set(addresses)
    assert ip_address("10.77.8.10") not in addresses


def test_two_clusters_have_nothing_in_common() -> None:
    assert issue_tls(7, now=NOW).ca_pem != TLS.ca_pem


def test_secrets_are_written_for_their_owner_only_and_leave_with_the_order(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    place.ray_token.parent.mkdir(parents=True)
    place.ray_token.write_text("another cluster's")
    place.ray_token.chmod(0o644)
    write_secrets(make_order(), place)
    assert place.ray_token.read_text() == "very-secret"
    files = [place.ray_token, *place.ray_tls.iterdir()]
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}
    assert len(files) == 4
    forget_secrets(place)
    assert not place.ray_token.exists()
    assert not place.ray_tls.exists()


def test_environment_names_the_files_and_holds_none_of_the_keys(tmp_path: Path) -> None:
    found = ray_environment(make_order(), make_place(tmp_path), {})
    assert found["RAY_USE_TLS"] == "1"
    assert not [value for value in found.values() if "very-secret" in value or "PRIVATE" in value]
    assert "RAY_USE_TLS" not in ray_environment(make_order(tls=None), make_place(tmp_path), {})


def test_only_a_head_keeps_a_store_and_only_its_own(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    order = make_order()
    keep_only_store(order, place)
    (store_of(order, place) / "known").write_text("jobs")
    keep_only_store(order, place)
    assert (store_of(order, place) / "known").exists()
    formed_again = make_order(token="another")
    keep_only_store(formed_again, place)
    assert list(place.ray_store.iterdir()) == [store_of(formed_again, place)]
    keep_only_store(make_order(role="worker"), place)
    assert list(place.ray_store.iterdir()) == []
