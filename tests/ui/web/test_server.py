"""The server's address: a busy port is one sentence, and other machines are warned about."""

from __future__ import annotations

import socket

import pytest

from rag.errors import ServerError
from rag.settings import ChatSettings
from ui.web.server import bound_socket, warning


def test_a_busy_port_is_named_with_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=rf"Port {port} on 127\.0\.0\.1 is in use.*lectern chat --port"):
            bound_socket(ChatSettings(port=port))


def test_port_zero_takes_a_free_one() -> None:
    with bound_socket(ChatSettings(port=0)) as bound:
        assert bound.getsockname()[0] == "127.0.0.1"
        assert bound.getsockname()[1] > 0


def test_an_address_of_another_machine() -> None:
    with pytest.raises(ServerError, match=r"192\.0\.2\.1 is not an address of this machine"):
        bound_socket(ChatSettings(host="192.0.2.1", port=0))


def test_an_open_address_is_warned_about() -> None:
    assert warning(ChatSettings()) == ""
    assert "without a password" in warning(ChatSettings(host="0.0.0.0"))
