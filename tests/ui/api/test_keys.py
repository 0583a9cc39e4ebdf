"""Keys are hashed, named and revocable, and guard every path."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import openai
import pytest

from rag.errors import LibraryDamaged, SettingsError
from ui.api.keys import FILE_NAME, KeyRing

PATHS = ("/v1/models", "/api/documents", "/openapi.json", "/v1/nothing")


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def test_only_a_hash_is_kept(tmp_path: Path) -> None:
    keys = KeyRing(tmp_path)
    assert not keys.required
    secret = keys.add("my editor")
    file = tmp_path / FILE_NAME
    stored = json.loads(file.read_text())["keys"][0]
    assert stored["hash"] == sha256(secret.encode()).hexdigest()
    assert secret not in file.read_text()
    assert stored["hint"] == secret[-4:]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert KeyRing(tmp_path).owner(secret) == "my editor"
    assert keys.owner(secret + "x") is None
    assert keys.owner("") is None


def test_a_revoked_key_stays_listed_and_its_name_is_free(tmp_path: Path) -> None:
    keys, server = KeyRing(tmp_path), KeyRing(tmp_path)
    first = keys.add("script")
    assert server.owner(first) == "script"
    keys.revoke("script")
    assert server.owner(first) is None  # a running server sees it at once
    assert server.required  # revoking the last key opens nothing
    second = keys.add("script")
    assert (keys.owner(first), keys.owner(second)) == (None, "script")
    assert [key.valid for key in keys.all()] == [False, True]


@pytest.mark.parametrize("name", ["", " a", "a\nb", "x" * 65, "<b>", "-a"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="no name for a key"):
        KeyRing(tmp_path).add(name)


def test_names_that_are_taken_or_unknown(tmp_path: Path) -> None:
    keys = KeyRing(tmp_path)
    keys.add("script")
    with pytest.raises(SettingsError, match="a key named 'script' already"):
        keys.add("script")
    with pytest.raises(SettingsError, match="No valid key is named 'other'"):
        keys.revoke("other")


def test_a_damaged_file_opens_nothing(tmp_path: Path, make_site: Callable[..., Any]) -> None:
    site = make_site()
    (tmp_path / "signals" / FILE_NAME).write_text("{")
    with pytest.raises(LibraryDamaged, match="cannot be read"):
        site.keys.all()
    assert site.http.get("/v1/models").status_code == 500


def test_every_path_needs_the_key(make_site: Callable[..., Any]) -> None:
    site = make_site()
    assert site.http.get("/v1/models", headers=bearer("anything")).status_code == 200  # no key was made yet
    secret = site.keys.add("script")
    for path in PATHS:
        for headers in (
            {},
            bearer("lk-wrong"),
            {"authorization": "Bearer"},
            {"authorization": f"Basic {secret}"},
        ):
            response = site.http.get(path, headers=headers)
            assert response.status_code == 401
            assert response.json()["error"]["type"] == "authentication_error"
            assert response.headers["www-authenticate"].startswith("Bearer")
        assert site.http.get(path, headers=bearer(secret)).status_code != 401
    site.keys.revoke("script")
    revoked = site.http.get("/v1/models", headers=bearer(secret))
    assert revoked.status_code == 401
    assert "revoked" in revoked.json()["error"]["message"]


def test_openai_names_a_revoked_key(make_site: Callable[..., Any]) -> None:
    site = make_site()
    secret = site.keys.add("script")
    with openai.OpenAI(base_url=f"{site.url}/v1", api_key=secret, max_retries=0) as client:
        assert client.models.list().data
        site.keys.revoke("script")
        with pytest.raises(openai.AuthenticationError, match="not valid, or was revoked"):
            client.models.list()


def test_the_password_is_as_good_as_a_key(make_site: Callable[..., Any]) -> None:
    site = make_site(access__password="correct horse")
    assert site.http.get("/v1/models").status_code == 401
    assert site.http.get("/v1/models", headers=bearer("correct horse")).status_code == 200
    assert site.http.get("/v1/models", auth=("anyone", "correct horse")).status_code == 200
    secret = site.keys.add("script")
    assert site.http.get("/v1/models", headers=bearer(secret)).status_code == 200
    for _ in range(20):
        assert site.http.get("/v1/models", headers=bearer("wrong horse")).status_code == 401
    slowed = site.http.get("/v1/models", headers=bearer("wrong horse"))
    assert (slowed.status_code, slowed.headers["retry-after"]) == (429, "60")
    assert (
        site.http.get("/v1/models", headers=bearer(secret)).status_code == 200
    )  # a key is not guessed, so not slowed


def test_the_verbs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from typer.testing import CliRunner

    from ui.cli import build_app

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(build_app(), ["keys", *arguments, "--library", str(tmp_path)])
        assert result.exit_code == 0, result.output
        return result.stdout

    made = json.loads(run("add", "script", "--json"))
    assert KeyRing(tmp_path).owner(made["key"]) == "script"
    assert json.loads(run("list", "--json"))["hint"] == made["key"][-4:]
    assert made["key"] not in run("list")
    run("revoke", "script")
    assert json.loads(run("list", "--json"))["revoked"]
