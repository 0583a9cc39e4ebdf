"""The page to log in is there once there is somebody who can."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient

from ui.accounts.login_limit import LoginLimit
from ui.accounts.person import Role
from ui.accounts.store import AccountStore
from ui.web.account_pages import Doors, add_account_pages


def test_there_is_no_login_before_the_first_account(tmp_path: Path) -> None:
    accounts, app = AccountStore(tmp_path), FastAPI()
    add_account_pages(app, Doors(accounts, "session", LoginLimit(), lambda: (), names=False))
    client = TestClient(app)
    assert [client.get("/login").status_code, client.post("/login").status_code] == [404, 404]
    accounts.add("ann", "owls at night", Role.TEACHER)
    assert client.get("/login").status_code == 200
