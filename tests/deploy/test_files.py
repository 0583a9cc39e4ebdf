"""The files of `deploy/` parse, and name only what exists. They are not run here."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from rag.settings import ChatSettings
from rag.settings_loading import PREFIX, known_keys
from tests.plain_english import faults
from ui.cli import build_app
from ui.metrics.health import PATH

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("lectern*.service"))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
SECRET = re.compile(r"PASSWORD|KEY|TOKEN|SECRET")


def check_command(words: list[str]) -> None:
    """Check the verb and the options of a `lectern` command."""
    command: Any = typer.main.get_command(build_app())
    known: set[str] = set()
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
        known |= {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    assert not getattr(command, "commands", None), words
    assert {word for word in words if word.startswith("-")} <= known, words


def check_variables(names: list[str]) -> None:
    ours = [name for name in names if name.startswith(PREFIX)]
    assert ours
    keys = {name.removeprefix(PREFIX).lower().replace("__", ".") for name in ours}
    assert keys - known_keys().keys() - {"config"} == set()


def example(name: str) -> dict[str, str]:
    """The values of an example of an environment file."""
    lines = (DEPLOY / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))  # type: ignore[misc]


def values(part: Any) -> Iterator[tuple[str, str]]:
    """Every text of the compose file with its key."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from (
                ((key, text) for _, text in values(value)) if not isinstance(value, dict) else values(value)
            )
    elif isinstance(part, list):
        for value in part:
            yield from values(value)
    else:
        yield "", str(part)


def test_the_services_name_what_exists() -> None:
    services, volumes = COMPOSE["services"], COMPOSE["volumes"]
    ours = {name: service for name, service in services.items() if service["image"] == "lectern"}
    assert set(ours) == {"web1", "web2"}
    for service in ours.values():
        assert service["command"][0] == "lectern"
        check_command(service["command"][1:])
        check_variables(list(service["environment"]))
        assert f":7860{PATH}'" in service["healthcheck"]["test"][-1]
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for volume in service["volumes"]:
            source = re.sub(r"^\$\{\w+:-(.*?)\}", r"\1", volume).split(":")[0]
            named = source in volumes or source in ("./notes", "./backups")
            assert named or (DEPLOY / source).is_file(), volume
    upstreams = services["caddy"]["environment"]["UPSTREAMS"].split()
    port = ours["web1"]["command"][ours["web1"]["command"].index("--port") + 1]
    assert upstreams == [f"{name}:{port}" for name in ours]
    assert services["vllm"]["profiles"] == ["vllm"]
    assert services["vllm"]["command"][0].startswith("${VLLM_MODEL:-")  # vllm serve takes the model first
    assert [name for name, service in services.items() if "profiles" in service] == ["vllm"]


def test_every_variable_of_the_compose_file_is_in_the_example() -> None:
    named = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    optional = {"VLLM_IMAGE", "VLLM_MODEL"}
    assert named - optional == set(example("env.example"))


def test_no_secret_is_written_down() -> None:
    found = [(key, text) for key, text in values(COMPOSE) if SECRET.search(key)]
    assert len(found) >= 6
    assert [text for _, text in found if not re.fullmatch(r"\$\{\w+(:-|:\?[^}]*)\}", text)] == []
    for name in ("env.example", "systemd/lectern.env.example"):
        secrets = {key: value for key, value in example(name).items() if SECRET.search(key)}
        assert secrets
        assert set(secrets.values()) == {""}
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            assert not re.search(r"://[^\s/@:]+:[^\s/@]+@", path.read_text(encoding="utf-8")), path


def test_the_image_has_the_extras_and_the_programs() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [extras] = re.findall(r"'\.\[([\w,-]+)\]'", text)
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    check_command(["setup"])
    [client] = re.findall(r"postgresql-client-(\d+)", text)
    assert COMPOSE["services"]["postgres"]["image"].endswith(f":pg{client}")
    assert COMPOSE["services"]["web1"]["volumes"][0].partition(":")[2] in text


def test_the_proxy_is_told_what_the_servers_need() -> None:
    text = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    assert text.count("{") == text.count("}")
    assert set(re.findall(r"\{\$(\w+)\}", text)) == set(COMPOSE["services"]["caddy"]["environment"])
    assert f"health_uri {PATH}\n" in text
    assert f"path /metrics {PATH}\n" in text
    [megabytes] = re.findall(r"max_size (\d+)MB", text)
    assert int(megabytes) * 1_000_000 >= ChatSettings().max_upload_bytes
    assert "lb_policy cookie" in text


def parsed(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(unit, encoding="utf-8")
    return parser


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_what_exists(unit: Path) -> None:
    service = parsed(unit)["Service"]
    program, *words = shlex.split(service["ExecStart"])
    if Path(program).name == "lectern":
        check_command(words)
        assert service["EnvironmentFile"] == "/etc/lectern/lectern.env"
    elif Path(program).name == "python3":
        script = ROOT / Path(words[0]).relative_to("/opt/lectern")
        known = set(re.findall(r'add_argument\(\s*"(--\w+)"', script.read_text(encoding="utf-8")))
        assert {word for word in words if word.startswith("--")} == {"--database", "--state"} <= known
    else:
        assert words[0] == "serve"
        assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", PAGE))
    assert service["NoNewPrivileges"] == "yes"


def test_the_units_have_settings_that_exist_and_are_in_the_page() -> None:
    check_variables(list(example("systemd/lectern.env.example")))
    names = {unit.name.partition(".")[0] for unit in UNITS}
    assert names == {"lectern-web@", "lectern-ingest", "lectern-backup", "lectern-vllm"}
    for name in names - {"lectern-vllm"}:
        assert name in PAGE
    assert parsed(DEPLOY / "systemd" / "lectern-backup.timer")["Install"]["WantedBy"] == "timers.target"
    assert "/srv/lectern/.local/state/lectern /srv/backup/lectern.tar" in PAGE


def test_systemd_reads_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in DEPLOY.glob("systemd/lectern*.[st]*"):
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(encoding="utf-8"), flags=re.M)
        (tmp_path / unit.name.replace("@", "@7861")).write_text(text, encoding="utf-8")
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert ours == []


@pytest.mark.parametrize("script", sorted(DEPLOY.glob("*.py")), ids=lambda script: script.name)
def test_a_script_is_in_plain_english(script: Path) -> None:
    assert list(faults(script)) == []
