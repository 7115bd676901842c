"""Who vouches for a certificate that a stranger shows: an authority that was named, or nobody."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inventory.expecting.trusting import authorities_in, vouched_by
from tests.integration.drivers.authority import Authority


def der(path: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(path.read_text())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path)


def test_a_certificate_of_a_named_authority_is_vouched_for(
    tmp_path: Path, authority: Authority
) -> None:
    shown = der(authority.issue(tmp_path / "bmc").cert_file)
    named = authorities_in(authority.ca_file)
    now = datetime.now(UTC)
    assert vouched_by(shown, named, now=now) == "test authority"
    assert vouched_by(shown, (), now=now) == ""
    assert vouched_by(shown, named, now=now + timedelta(days=20)) == ""


def test_one_of_an_authority_with_the_same_name_is_nobody_s(
    tmp_path: Path, authority: Authority
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority.make(tmp_path / "other")
    shown = der(other.issue(tmp_path / "bmc").cert_file)
    assert vouched_by(shown, authorities_in(authority.ca_file), now=datetime.now(UTC)) == ""


def test_one_that_is_over_or_no_certificate_is_nobody_s(
    tmp_path: Path, authority: Authority
) -> None:
    over = der(authority.issue(tmp_path / "bmc", ended_days_ago=1).cert_file)
    named = authorities_in(authority.ca_file)
    for shown in (over, b"", b"no certificate"):
        assert vouched_by(shown, named, now=datetime.now(UTC)) == ""


def test_a_file_without_certificates_stops_the_start_with_a_hint(tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("none here")
    with pytest.raises(ValueError, match=r"BMC_AUTHORITIES=.*hint: "):
        authorities_in(wrong)
    assert authorities_in(None) == ()
