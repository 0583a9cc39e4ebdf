"""The names in `Host` headers and the addresses of this machine."""

from __future__ import annotations

from ui.addresses import host_of, is_loopback, url


def test_hosts_without_their_ports() -> None:
    assert [host_of(h) for h in ("a:1", "[::1]:1", "::1", "A")] == ["a", "::1", "::1", "a"]


def test_addresses_of_this_machine_alone() -> None:
    assert is_loopback("127.8.9.1")
    assert not is_loopback("0.0.0.0")
    assert [url("0.0.0.0", 1), url("::1", 2)] == ["http://127.0.0.1:1", "http://[::1]:2"]
