"""Settings from flags > `LECTERN_*` variables > `lectern.toml` > defaults.

The source of every value is remembered by name. The only module that reads the environment.
`LECTERN_LIBRARY=dir` sets a top-level key, `LECTERN_MODEL__NAME=x` the key `name` of section `model`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import BaseModel, ValidationError

from rag.errors import SettingsError
from rag.settings import Settings
from rag.system.atomic_write import write_text
from rag.system.server_address import ServerAddress, is_server_address, parse_address

PREFIX = "LECTERN_"
CONFIG_VARIABLE = "LECTERN_CONFIG"
FILE_NAME = "lectern.toml"

Flat = dict[str, Any]
"""Dotted key (`model.name`) to value."""


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings with the source of every key that is not a default.

    A source is `flag`, the name of a variable or a file's path. `library` is the library's folder; a library on a `server`
    has one too, for conversations, study cards, accounts and the log of questions.
    """

    settings: Settings
    sources: Mapping[str, str]
    library: Path
    server: ServerAddress | None = None

    @property
    def place(self) -> str:
        """The value of `--library` that names the library, without a password."""
        return self.server.shown if self.server else str(self.library)


def load(
    flags: Mapping[str, Any] | None = None,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> LoadedSettings:
    """Return the settings merged from all sources.

    `flags` are dotted keys; None values are flags not given.

    Raises:
        SettingsError: a key is unknown or out of range, or the file is missing or malformed.
    """
    environ = os.environ if environ is None else environ
    file = _config_file(config, environ)
    layers: list[tuple[str, Flat]] = []
    if file is not None:
        layers.append((str(file), _flatten(_read_toml(file))))
    layers += [(name, {key: value}) for name, key, value in _from_environment(environ)]
    layers.append(("flag", {key: value for key, value in (flags or {}).items() if value is not None}))
    values: Flat = {}
    sources: dict[str, str] = {}
    for source, layer in layers:
        _reject_unknown(layer, source)
        values |= layer
        sources |= dict.fromkeys(layer, source)
    settings = _validate(values, sources)
    folder, server = library_place(settings.library)
    if server:  # settings are printed and kept with runs: never with a password
        settings = settings.model_copy(update={"library": server.shown})
    return LoadedSettings(settings, sources, folder, server)


def write_setting(path: Path, key: str, value: str | float) -> None:
    """Set a dotted key in a settings file, keeping its comments.

    The file is made where there is none.

    Raises:
        SettingsError: the file is not TOML or cannot be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    name, _, knob = key.partition(".")
    by_hand = f"set {key} = {value} yourself."
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
        document.setdefault(name, tomlkit.table())[knob] = value
        write_text(path, tomlkit.dumps(document))
    except TOMLKitError as exc:
        raise SettingsError(f"{path} is not valid TOML: {exc}. Mend it, or {by_hand}") from exc
    except OSError as exc:
        raise SettingsError(f"{path} cannot be written: {exc.strerror}; {by_hand}") from exc


def keep_setting(key: str, value: str) -> Path:
    """Write a setting to the settings file, and return its path.

    The next start reads it.
    The file is the one that `load` finds, else `lectern.toml` in the current folder.

    Raises:
        SettingsError: there is no such setting, its value is out of range, or the file cannot be written.
    """
    path = _config_file(None, os.environ) or Path(FILE_NAME)
    layer: Flat = {key: value}
    _reject_unknown(layer, "the page")
    checked = flat_settings(_validate(layer, {key: "the page"}))[key]
    write_setting(path, key, checked)
    return path


def library_place(library: str) -> tuple[Path, ServerAddress | None]:
    """Return the folder and the server of a setting `library`.

    An empty one is a folder in the user's data folder. The folder of a library on a server is in the user's state folder, under
    a name that follows from the address without its password.

    Raises:
        SettingsError: the address of a server is malformed.
    """
    if is_server_address(library):
        server = parse_address(library)
        state = Path(platformdirs.user_state_dir("lectern", appauthor=False))
        return state / "courses" / server.folder_name, server
    if library:
        return Path(library).expanduser().absolute(), None
    return Path(platformdirs.user_data_dir("lectern", appauthor=False)) / "library", None


def flat_settings(settings: Settings) -> Flat:
    """Return every setting by its dotted key, in the order of the sections."""
    return _flatten(settings.model_dump())


def known_keys() -> dict[str, str]:
    """Return every dotted key with its description."""
    keys: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            keys |= {f"{name}.{inner}": f.description or "" for inner, f in section.model_fields.items()}
        else:
            keys[name] = field.description or ""
    return keys


def _config_file(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = config or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    if named is not None:
        if not named.is_file():
            raise SettingsError(
                f"No settings file at {named}. Pass --config with a file that exists, or leave it out."
            )
        return named
    found = (Path(FILE_NAME), Path(platformdirs.user_config_dir("lectern", appauthor=False)) / FILE_NAME)
    return next((path for path in found if path.is_file()), None)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise SettingsError(
            f"{path} is not valid TOML: {exc}. Mend that line, or move the file away."
        ) from exc
    except OSError as exc:
        raise SettingsError(f"{path} cannot be read: {exc.strerror}. Check its permissions.") from exc


def _from_environment(environ: Mapping[str, str]) -> list[tuple[str, str, str]]:
    names = sorted(name for name in environ if name.startswith(PREFIX) and name != CONFIG_VARIABLE)
    return [
        (name, name.removeprefix(PREFIX).lower().replace("__", "."), environ[name])
        for name in names
        if environ[name]
    ]


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> Flat:
    flat: Flat = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _reject_unknown(layer: Flat, source: str) -> None:
    known = known_keys()
    for key in layer:
        if key not in known:
            near = get_close_matches(key, known, n=1, cutoff=0.4)
            hint = f" Did you mean `{near[0]}`?" if near else ""
            raise SettingsError(f"Unknown setting `{key}` from {source}.{hint} `lectern settings` lists all.")


def _validate(values: Flat, sources: Mapping[str, str]) -> Settings:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[name] = value
    try:
        return Settings.model_validate(tree)
    except ValidationError as exc:
        first = exc.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        source = sources.get(key, "a source")
        raise SettingsError(
            f"Setting `{key}` from {source} is {first['input']!r}: {first['msg'].lower()}. Change it and try again."
        ) from exc
