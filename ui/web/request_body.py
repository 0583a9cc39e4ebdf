"""The bounded body of a request, read before anything is done with it."""

from __future__ import annotations

from ui.asgi import Message, Receive


async def whole_body(receive: Receive, most_bytes: int) -> bytes | None:
    """Return the whole body of a request, None if it is too long."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > most_bytes:
            return None
        if not message.get("more_body"):
            return bytes(body)


def received_again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body again, then what follows it."""
    given = False

    async def received() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return received
