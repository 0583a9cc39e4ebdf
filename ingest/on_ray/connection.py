"""The connection to a Ray cluster, or to a Ray of this machine alone."""

from __future__ import annotations

import json
import logging
import os
import platform
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from typing import Any

from rag.errors import ClusterError, SettingsError
from rag.extras import missing_extra
from rag.system.child_process import command, surroundings
from rag.system.telemetry import switch_off_telemetry

LOCAL = "local"
"""The address that starts Ray on this machine."""
_CONNECT_SECONDS = 3.0
_PROBE_SECONDS = 10.0
"""Time for a cluster to report its versions; importing Ray takes most of it. Chosen."""
_STORE_BYTES = 256_000_000
"""Memory for results under way of a Ray that is started here: a batch has 4 MB. Chosen."""


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Yield the module `ray`, connected to a cluster.

    `address` is the HOST:PORT of a cluster that this machine belongs to, or `local`: then Ray is started here and ends at the end.

    Raises:
        ClusterError: Ray is not installed, nothing answers there, or its versions differ.
        SettingsError: the address is malformed.
    """
    if missing := missing_extra("An ingest on Ray", "ray"):
        raise ClusterError(missing)
    switch_off_telemetry()
    options: dict[str, Any] = {"logging_level": logging.CRITICAL, "log_to_driver": False}
    if address == LOCAL:
        options |= {"address": LOCAL, "include_dashboard": False, "object_store_memory": _STORE_BYTES}
        options |= {"_node_ip_address": "127.0.0.1"}
        # Ray listens on all addresses whatever it is given, so nobody without this run's secret may use it.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    else:
        _check(address)
        options |= {"address": address}
    import ray

    try:
        ray.init(**options)
    except (RuntimeError, ConnectionError, ValueError, OSError) as exc:
        reason = " ".join(str(exc).split())[:300]
        hint = "" if address == LOCAL else (
            f" This machine has to belong to the cluster: ray start --address={address} --num-cpus=0"
        )  # fmt: skip
        raise ClusterError(f"Ray cannot be used at {address} ({reason}).{hint}") from exc
    try:
        yield ray
    finally:
        with off_stdout():
            ray.shutdown()


def off_stdout() -> AbstractContextManager[object]:
    """Send what Ray prints about lost nodes to stderr.

    Stdout is for the result of a command.
    """
    return redirect_stdout(sys.stderr)


def _check(address: str) -> None:
    """Check that a Ray cluster of this machine's versions answers.

    Ray itself would wait long for another one.

    Raises:
        ClusterError: it does not.
        SettingsError: the address is malformed.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in host or int(port) > 65535:
        raise SettingsError(
            f"--ray {address} is no address of a Ray cluster; write HOST:PORT, for example 10.0.0.5:6379, or {LOCAL}."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except OSError as exc:
        reason = exc.strerror or str(exc) or type(exc).__name__
        raise ClusterError(
            f"No Ray cluster answers at {address} ({reason}). Start one there with: ray start --head"
        ) from exc
    theirs = _versions(address)
    mine = {"ray_version": _ray_version(), "python_version": platform.python_version()}
    if any(theirs[name] not in ("", mine[name]) for name in mine):
        raise ClusterError(
            f"The Ray cluster at {address} has Ray {theirs['ray_version']} on Python {theirs['python_version']}, this machine has "
            f"Ray {mine['ray_version']} on Python {mine['python_version']}; Ray needs the same on all machines."
        )


def _versions(address: str) -> dict[str, str]:
    """Return the versions that the cluster reports.

    Raises:
        ClusterError: what answers there is no Ray.
    """
    environ = {**surroundings(), "RAY_BACKEND_LOG_LEVEL": "fatal"}
    try:
        done = subprocess.run(
            command("ingest.on_ray.probe", address),
            capture_output=True,
            timeout=_PROBE_SECONDS,
            env=environ,
            check=True,
        )
        found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError) as exc:
        raise ClusterError(
            f"What answers at {address} is no Ray cluster, or did not answer in {_PROBE_SECONDS:g} s. Check host and port; `ray status` "
            "on the head node says if it runs."
        ) from exc
    return found


def _ray_version() -> str:
    from importlib.metadata import version

    return version("ray")
