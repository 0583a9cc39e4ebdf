"""The server's address: a busy port is one sentence, and other people's rights are named."""

from __future__ import annotations

import socket

import pytest

from rag.errors import ServerError
from rag.settings import AccessSettings, ChatSettings
from ui.access import Access
from ui.addresses import bound_socket
from ui.web.server import notice


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


def test_a_page_that_others_reach_says_what_they_can_do() -> None:
    assert notice("127.0.0.1", Access("127.0.0.1", AccessSettings())) == ""
    password = AccessSettings(password="owls at night")
    shown = notice("0.0.0.0", Access("0.0.0.0", password))
    for words in (
        "everyone who has the password",
        "each browser has conversations of its own",
        "uploading",
        "not encrypted",
    ):
        assert words in shown
    named = notice("0.0.0.0", Access("0.0.0.0", AccessSettings(), has_accounts=True))
    for words in ("everyone with an account", "teachers also add and remove notes", "not encrypted"):
        assert words in named
    proxied = notice("127.0.0.1", Access("127.0.0.1", AccessSettings(hosts="notes.example.edu")))
    assert "everyone whom the proxy lets through" in proxied
    assert "not encrypted" not in proxied


def test_an_answer_does_not_wait_for_an_acknowledgement() -> None:
    with bound_socket(ChatSettings(port=0)) as bound, socket.create_connection(bound.getsockname()):
        accepted, _ = bound.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP  # asyncio sets TCP_NODELAY on these only
