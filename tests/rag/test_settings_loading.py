"""Flags beat variables, variables beat the file, the file beats defaults; nothing unknown passes."""

from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.settings_loading import flat_settings, known_keys, load


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "lectern.toml"
    path.write_text(
        'library = "from-file"\n[retrieval]\nk = 7\ndepth = 70\n[model]\nname = "file-model"\n',
        encoding="utf-8",
    )
    return path


def test_precedence_and_sources(toml: Path) -> None:
    loaded = load(
        {"retrieval.k": 3, "model.adapter": None},
        toml,
        {"LECTERN_RETRIEVAL__K": "5", "LECTERN_MODEL__NAME": "env"},
    )
    assert (loaded.settings.retrieval.k, loaded.settings.retrieval.depth) == (3, 70)
    assert loaded.settings.model.name == "env"
    assert loaded.sources == {
        "library": str(toml), "retrieval.k": "flag", "retrieval.depth": str(toml), "model.name": "LECTERN_MODEL__NAME",
    }  # fmt: skip
    assert loaded.library == Path("from-file").absolute()


@pytest.mark.parametrize(
    ("flags", "environ", "told"),
    [
        ({}, {"LECTERN_MODLE__NAME": "x"}, "Did you mean `model.name`"),
        ({"retrieval.k": 0}, {}, "`retrieval.k` from flag is 0"),
        ({}, {"LECTERN_CHAT__PORT": "eighty"}, "`chat.port` from LECTERN_CHAT__PORT is 'eighty'"),
    ],
)
def test_what_is_wrong_is_named_with_its_source(
    flags: dict[str, int], environ: dict[str, str], told: str
) -> None:
    with pytest.raises(SettingsError) as error:
        load(flags, None, environ)
    assert told in str(error.value)


def test_an_unknown_key_of_the_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lectern.toml"
    path.write_text("[retrieval]\ntop_k = 3\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"retrieval\.top_k"):
        load({}, path, {})


def test_a_missing_and_a_broken_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No settings file"):
        load({}, tmp_path / "none.toml", {})
    (tmp_path / "bad.toml").write_text("a = [", encoding="utf-8")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load({}, tmp_path / "bad.toml", {})


def test_every_knob_says_what_it_is(toml: Path) -> None:
    assert set(flat_settings(load({}, toml, {}).settings)) == set(known_keys())
    assert [key for key, about in known_keys().items() if not about] == []


def test_a_library_on_a_server_has_a_folder_and_shows_no_password(tmp_path: Path) -> None:
    toml = tmp_path / "lectern.toml"
    toml.write_text('library = "postgresql://ann:secret@host/notes#algebra"\n', encoding="utf-8")
    loaded = load({}, toml, {})
    assert loaded.place == loaded.settings.library == "postgresql://ann@host/notes#algebra"
    assert loaded.server is not None
    assert "secret" in loaded.server.connection
    assert "secret" not in repr(loaded)
    assert loaded.library.parts[-3:-1] == ("lectern", "courses")
    other = load({"library": "postgresql://ann:other@host/notes#algebra"}, toml, {})
    assert other.library == loaded.library
    assert load({"library": "postgresql://ann@host/notes#geometry"}, toml, {}).library != loaded.library
    with pytest.raises(SettingsError, match="names no course"):
        load({"library": "postgresql://ann:secret@host/notes"}, toml, {})
