"""E-mails: headers, words and the attached files that can be read."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from pathlib import PurePath

from ingest.parsers.decoding import decode
from ingest.parsers.draft import Draft
from ingest.parsers.html import read_html
from ingest.parsers.plain import paragraphs
from rag.errors import UnreadableNote
from rag.note_warnings import WarningCode
from rag.settings import IngestSettings
from rag.types import BlockKind, DocumentKind, Locator, Unit

_SHOWN_HEADERS = ("From", "To", "Cc", "Date")
_MOST_ATTACHMENTS = 100
_TEXTS = (DocumentKind.MARKDOWN, DocumentKind.TEXT)


def read_email(data: bytes, settings: IngestSettings) -> tuple[Draft, str]:
    """Return the message with its attached notes, and the subject as title.

    Raises:
        UnreadableNote: it is no e-mail.
    """
    message = message_from_bytes(data, policy=policy.default)
    if not isinstance(message, EmailMessage) or not any(
        message.get(name) for name in ("From", "Subject", "Date")
    ):
        raise UnreadableNote("It is no e-mail: it has neither sender nor subject nor date.")
    draft = Draft()
    subject = _header(message, "Subject")
    at = Locator(Unit.PARAGRAPH, 1, 1, subject)
    draft.add(BlockKind.HEADING, subject, at, level=1)
    lines = [f"{name}: {value}" for name in _SHOWN_HEADERS if (value := _header(message, name))]
    draft.add(BlockKind.METADATA, "\n".join(lines), at)
    _add_body(draft, message, subject)
    for number, part in enumerate(_attachments(message)):
        _add_attachment(draft, part, settings, read=number < _MOST_ATTACHMENTS)
    return draft, subject


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name) or "").split())
    except (
        ValueError,
        IndexError,
        LookupError,
        AttributeError,
    ):  # a header that the standard library cannot take apart
        return " ".join(str(dict(message.raw_items()).get(name, "")).split())


def _add_body(draft: Draft, message: EmailMessage, subject: str) -> None:
    """Append the words: the plain text, else the page that was sent."""
    body = message.get_body(("plain", "html"))
    if body is None:
        return
    text = _text(body)
    if body.get_content_subtype() == "html" or not text.strip():
        page_body = message.get_body(("html",))
        page, _ = read_html(_text(page_body) if page_body is not None else text)
        _take(draft, page, "", subject)
        return
    for number, block in enumerate(paragraphs(text), 2):
        draft.add(block.kind, text[block.start : block.end], Locator(Unit.PARAGRAPH, number, number, subject))


def _text(part: MIMEPart) -> str:
    """Return the text of a part, with marks for what is not valid in its encoding."""
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except (LookupError, ValueError, KeyError):  # an encoding that does not exist
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _attachments(message: EmailMessage) -> list[EmailMessage]:
    try:
        return [part for part in message.iter_attachments() if isinstance(part, EmailMessage)]
    except (ValueError, AttributeError, KeyError, TypeError):  # a body that is not what its header promises
        return []


def _add_attachment(draft: Draft, part: EmailMessage, settings: IngestSettings, *, read: bool) -> None:
    """Append an attached file under its name; one that is not read is named."""
    from ingest.kinds import KIND_OF_SUFFIX
    from ingest.parsers.registry import has_parser, read_draft

    name = part.get_filename() or ""
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload(0) if part.is_multipart() else None
        data, name = (inner.as_bytes() if isinstance(inner, EmailMessage) else b""), name or "message.eml"
    else:
        payload = part.get_payload(decode=True)
        data = payload if isinstance(payload, bytes) else b""
    try:
        is_text = part.get_content_maintype() == "text"
        named_as_text = KIND_OF_SUFFIX.get(PurePath(name).suffix.lower()) in _TEXTS
        if not read or not data or not (has_parser(name) or is_text or named_as_text):
            raise UnreadableNote("It is not read.")
        if has_parser(name):
            _take(draft, read_draft(name, data, settings)[0], name, name)
        else:
            _add_text(draft, _text(part) if is_text else decode(data).text, name)
    except UnreadableNote:
        draft.missed.add(WarningCode.ATTACHMENTS, 0, name or part.get_content_type())


def _add_text(draft: Draft, text: str, name: str) -> None:
    for block in paragraphs(text):
        draft.add(
            block.kind,
            text[block.start : block.end],
            Locator(Unit.LINE, block.locator.first, block.locator.last, name),
        )


def _take(draft: Draft, part: Draft, name: str, heading: str) -> None:
    """Append the blocks of a part of the message under the part's name."""
    for block in part.blocks:
        inner = " › ".join(filter(None, (name, block.locator.heading))) or heading
        at = Locator(block.locator.unit, block.locator.first, block.locator.last, inner)
        draft.add(block.kind, part.text[block.start : block.end], at, level=block.level)
    draft.missed.take(part.missed, 0)
    draft.warnings += part.warnings
