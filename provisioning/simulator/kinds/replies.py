"""Faults of a BMC's answers: late, lost, wrong, hostile, or given to nobody."""

from __future__ import annotations

from provisioning.simulator.kinds.registry import Subject

REPLIES = Subject("Answers of the BMC")
FOREVER = float("inf")


@REPLIES.fault("hang-reply", rate=1.0, times=1.0, path="")
def _hang_reply() -> None:
    """A change is made and its reply never comes; `path` narrows to requests that contain it."""


@REPLIES.fault("lost-reply", rate=1.0, times=1.0, path="")
def _lost_reply() -> None:
    """A change is made and the connection closes before the reply."""


@REPLIES.fault("lost-request", rate=1.0, times=1.0, path="")
def _lost_request() -> None:
    """A change is not made, and the connection closes as if it had been."""


@REPLIES.fault("error-after-act", rate=1.0, times=1.0, path="")
def _error_after_act() -> None:
    """A change is made and the reply says 500."""


@REPLIES.fault("hang-read", rate=0.2, times=FOREVER, path="")
def _hang_read() -> None:
    """A read is never answered."""


@REPLIES.fault("black-hole")
def _black_hole() -> None:
    """The BMC takes connections and answers nothing."""


@REPLIES.fault("slow-bmc", seconds=2.0)
def _slow_bmc() -> None:
    """Every reply of the BMC takes `seconds` longer."""


@REPLIES.fault("freezes", requests=6.0, within=0.5, seconds=10.0)
def _freezes() -> None:
    """After more than `requests` reads that overlap `within` seconds it is mute for `seconds`."""


@REPLIES.fault("session-drop", rate=0.2, times=3.0)
def _session_drop() -> None:
    """The BMC forgets a session in use: the request it carries gets 401."""


@REPLIES.fault("full-sessions", free=0.0)
def _full_sessions() -> None:
    """Somebody else holds every session but `free`."""


@REPLIES.fault("leaks-sessions")
def _leaks_sessions() -> None:
    """A log-out is answered and the session stays in the table until its time is over."""


@REPLIES.fault("empty-answer", rate=1.0, times=1.0, path="")
def _empty_answer() -> None:
    """A read is answered with 200 and no properties."""


@REPLIES.fault("error-answer", rate=1.0, times=1.0, path="", status=500.0)
def _error_answer() -> None:
    """A read is answered with `status`."""


@REPLIES.fault("torn-answer", rate=1.0, times=1.0, path="")
def _torn_answer() -> None:
    """A read is answered with half of its JSON."""


@REPLIES.fault("keys-missing", path="", keys="", restarts=1.0)
def _keys_missing() -> None:
    """Resources whose path ends in `path` lack `keys` (a+b) for so many `restarts` of the BMC."""


@REPLIES.fault("lazy-404", path="")
def _lazy_404() -> None:
    """A member answers 404 until its collection was read; forgotten when the BMC restarts."""


@REPLIES.fault("ids-change", path="NetworkAdapters")
def _ids_change() -> None:
    """The members of the collection `path` have other ids after every power-on."""


@REPLIES.fault("two-systems")
def _two_systems() -> None:
    """A second System without Boot and with a serial of its own is listed before the host."""


@REPLIES.fault("huge-reply", path="", mib=64.0)
def _huge_reply() -> None:
    """A read is answered with `mib` MiB of JSON."""


@REPLIES.fault("deep-reply", path="", levels=10000.0)
def _deep_reply() -> None:
    """A read is answered with JSON nested `levels` deep."""


@REPLIES.fault("endless-reply", path="")
def _endless_reply() -> None:
    """A read is answered with a byte now and then, for as long as anybody listens."""


@REPLIES.fault("foreign-link", path="", to="https://192.0.2.1")
def _foreign_link() -> None:
    """Every link of an answer leads to another host."""


@REPLIES.fault("redirect", path="", to="https://192.0.2.1")
def _redirect() -> None:
    """A read is answered with a redirect to another host."""


@REPLIES.fault("clock-1970")
def _clock_1970() -> None:
    """The BMC's clock stands at the beginning of 1970."""


@REPLIES.fault("certificate-changed", times=1.0)
def _certificate_changed() -> None:
    """The BMC makes itself a new certificate: when its time comes, else when it starts again."""


@REPLIES.defect("certificate-expired")
def _certificate_expired() -> None:
    """The BMC's certificate is over; clients that pin it are told its fingerprint."""


@REPLIES.fault("ipmi-open", stays="no")
def _ipmi_open() -> None:
    """IPMI over LAN is on, as many vendors deliver it; with `stays=yes` it cannot be closed."""


@REPLIES.defect("certificate-of-another")
def _certificate_of_another() -> None:
    """The BMC's certificate is for another name and address."""


@REPLIES.fault("password-policy", length_min=16.0, length_max=20.0, signs="any")
def _password_policy() -> None:
    """A new password needs these lengths, an upper and a lower case letter, a digit and a sign.

    `signs` is `any`, `none`, or those that it takes: no service tells them.
    """
