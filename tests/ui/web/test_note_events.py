"""Notes added and removed through the page, with the real ingest and an embedder of word lengths."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.errors import ModelMissing
from rag.library.library import Library
from rag.settings import Settings
from ui.web.desk import Desk, LoadingStage
from ui.web.note_events import NoteEvents, NoteView


class LengthEmbedder:
    """A passage's vector counts its short, middling and long words."""

    fingerprint = "lengths"
    dim = 3
    max_tokens = 250

    def embed_passages(self, texts: list[str]) -> NDArray[np.float32]:
        rows = [[sum(len(w) < n for w in text.split()) + 1.0 for n in (4, 7, 99)] for text in texts]
        vectors = np.array(rows, np.float32).reshape(-1, 3)
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def embed_query(self, text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.embed_passages([text])[0]
        return vector

    def count_tokens(self, texts: list[str]) -> list[int]:
        return [len(text.split()) for text in texts]


class Application:
    """What the desk needs of `ui.application.Application`."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings()
        self.library = Library.create(folder)

    def open_model_ahead(self) -> None:
        pass

    def open_library(self) -> Library:
        return self.library

    @property
    def embedder(self) -> LengthEmbedder:
        return LengthEmbedder()

    def chain(self) -> None:
        raise ModelMissing("There is no chat model here. Run: lectern doctor")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(Application(tmp_path / "library"))  # type: ignore[arg-type]
    desk.load()
    return desk


@pytest.fixture
def events(desk: Desk, tmp_path: Path) -> NoteEvents:
    return NoteEvents(desk, tmp_path / "temporary")


def upload(tmp_path: Path, name: str, text: str) -> str:
    """A file as Gradio leaves it: in a folder with a random name."""
    folder = tmp_path / "temporary" / name.replace("/", "-").replace("\\", "-")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return str(file)


def last(views: Iterable[NoteView]) -> NoteView:
    return list(views)[-1]


def names(desk: Desk) -> list[str]:
    return [record.path for record in desk.library.documents()]


def test_uploads_are_kept_read_and_told(events: NoteEvents, desk: Desk, tmp_path: Path) -> None:
    files = [upload(tmp_path, "owls.md", "# Owls\n\nThey hunt."), upload(tmp_path, "bad.ipynb", "{")]
    views = list(events.upload(files))
    assert any("<progress" in (view.progress or "") for view in views[:-1])
    assert "1 added" in (views[-1].progress or "")
    assert "bad.ipynb" in (views[-1].progress or "")
    assert "owls.md" in (views[-1].library or "")
    assert "Could not be read" in (views[-1].library or "")
    assert names(desk) == ["owls.md"]
    assert (desk.library.folder / "uploads" / "owls.md").is_file()


def decisions(view: NoteView) -> dict[str, str]:
    """File name to the token of its question."""
    found = re.findall(
        r'data-action="replace_note" data-token="(\w+)" aria-label="Replace ([^"]+)"', view.progress or ""
    )
    return {name: token for token, name in found}


def test_a_file_takes_the_place_of_an_earlier_one_only_when_asked(
    events: NoteEvents, desk: Desk, tmp_path: Path
) -> None:
    last(events.upload([upload(tmp_path, "owls.md", "# Owls\n\nThey hunt.")]))
    new = [
        upload(tmp_path, "owls.md", "# Owls\n\nThey sleep."),
        upload(tmp_path, "wren.md", "# Wren\n\nBuilds."),
    ]
    view = last(events.upload(new))
    assert "1 added" in (view.progress or "")
    assert desk.library.document("owls.md").text == "# Owls\n\nThey hunt."
    token = decisions(view)["owls.md"]
    view = last(events.decide(token, replace=True))
    assert "1 updated" in (view.progress or "")
    assert decisions(view) == {}
    assert desk.library.document("owls.md").text == "# Owls\n\nThey sleep."
    assert "does not wait for a decision" in (last(events.decide(token, replace=True)).progress or "")


def test_both_files_of_a_name_can_be_kept(events: NoteEvents, desk: Desk, tmp_path: Path) -> None:
    last(events.upload([upload(tmp_path, "owls.md", "# Owls\n\nThey hunt.")]))
    view = last(events.upload([upload(tmp_path, "owls.md", "# Owls\n\nThey sleep.")]))
    view = last(events.decide(decisions(view)["owls.md"], replace=False))
    assert "1 added" in (view.progress or "")
    assert names(desk) == ["owls (2).md", "owls.md"]
    assert desk.library.document("owls.md").text == "# Owls\n\nThey hunt."


def test_the_same_file_again_changes_nothing(events: NoteEvents, tmp_path: Path) -> None:
    file = upload(tmp_path, "owls.md", "# Owls\n\nThey hunt.")
    last(events.upload([file]))
    view = last(events.upload([file]))
    assert "1 unchanged" in (view.progress or "")
    assert decisions(view) == {}


def test_two_files_of_one_name_in_one_upload_are_two_documents(
    events: NoteEvents, desk: Desk, tmp_path: Path
) -> None:
    folders = [tmp_path / "temporary" / week for week in ("a", "b")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "slides.md").write_text(f"# Slides of {folder.name}\n\nWords.", encoding="utf-8")
    view = last(events.upload([str(folder / "slides.md") for folder in folders]))
    assert "2 added" in (view.progress or "")
    assert names(desk) == ["slides (2).md", "slides.md"]


def test_files_of_a_folder_keep_their_paths(events: NoteEvents, desk: Desk, tmp_path: Path) -> None:
    files = [upload(tmp_path, f"course⧸week{n}⧸slides.md", f"# Week {n}\n\nWords.") for n in (1, 2)]
    last(events.upload([*files, upload(tmp_path, "course⧸..⧸⧸up.md", "# Up\n\nWords.")]))
    assert names(desk) == ["course/up.md", "course/week1/slides.md", "course/week2/slides.md"]
    uploads = desk.library.folder / "uploads"
    assert (uploads / "course" / "week2" / "slides.md").is_file()
    for name in names(desk):
        last(events.remove(name))
    assert list(uploads.iterdir()) == []


def test_a_removed_file_of_an_archive_leaves_the_archive(
    events: NoteEvents, desk: Desk, tmp_path: Path
) -> None:
    archive = Path(upload(tmp_path, "course.zip", ""))
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("week1/slides.md", "# One\n\nWords.")
        made.writestr("week2/slides.md", "# Two\n\nWords.")
    last(events.upload([str(archive)]))
    assert names(desk) == ["course.zip/week1/slides.md", "course.zip/week2/slides.md"]
    last(events.remove("course.zip/week1/slides.md"))
    assert names(desk) == ["course.zip/week2/slides.md"]
    assert (desk.library.folder / "uploads" / "course.zip").is_file()


def test_an_upload_cannot_leave_its_folder(events: NoteEvents, desk: Desk, tmp_path: Path) -> None:
    last(
        events.upload(
            [
                upload(tmp_path, "..\\..\\evil<x>.md", "# Evil\n\nHere."),
                upload(tmp_path, ".hidden.md", "# H\n\nx."),
            ]
        )
    )
    assert sorted(names(desk)) == ["evilx.md", "hidden.md"]
    assert sorted(path.name for path in (desk.library.folder / "uploads").iterdir()) == [
        "evilx.md",
        "hidden.md",
    ]


def test_a_file_that_was_not_uploaded_is_not_kept(events: NoteEvents, desk: Desk, tmp_path: Path) -> None:
    owls = upload(tmp_path, "owls.md", "# Owls\n\nThey hunt.")
    (tmp_path / "secret.md").write_text("# Secret\n\nIt is 42.", encoding="utf-8")
    link = Path(owls).with_name("link.md")
    link.symlink_to(tmp_path / "secret.md")
    for foreign in (tmp_path / "secret.md", link):
        view = last(events.upload([owls, str(foreign)]))
        assert f"{foreign.name} is not a file uploaded to this page" in (view.progress or "")
    assert names(desk) == []
    assert not (desk.library.folder / "uploads").exists()


def test_removing_an_upload_deletes_its_copy_and_nothing_else(
    events: NoteEvents, desk: Desk, tmp_path: Path
) -> None:
    course = tmp_path / "course"
    course.mkdir()
    (course / "finch.md").write_text("# Finch\n\nIt sings.", encoding="utf-8")
    last(events.add_folder(str(course)))
    last(events.upload([upload(tmp_path, "owls.md", "# Owls\n\nThey hunt.")]))
    for name in ("owls.md", "finch.md"):
        view = last(events.remove(name))
        assert f"{name} was taken out." in (view.progress or "")
    assert names(desk) == []
    assert not (desk.library.folder / "uploads" / "owls.md").exists()
    assert (course / "finch.md").is_file()
    assert "is not in the library any more" in (last(events.remove("owls.md")).progress or "")


@pytest.mark.parametrize(
    ("typed", "said"), [("", "No folder was given"), ("/nowhere/at/all", "is not there")]
)
def test_a_folder_that_is_not_there_is_told(events: NoteEvents, desk: Desk, typed: str, said: str) -> None:
    view = last(events.add_folder(typed))
    assert said in (view.progress or "")
    assert 'role="alert"' in (view.progress or "")
    assert names(desk) == []


def test_a_library_that_is_being_written_is_told(events: NoteEvents, desk: Desk, tmp_path: Path) -> None:
    with Library.open(desk.library.folder) as other, other.writing():
        view = last(events.upload([upload(tmp_path, "owls.md", "# Owls\n\nThey hunt.")]))
    assert re.search(r"another|busy|writing", view.progress or "", re.I)
    assert names(desk) == []
    assert "1 added" in (
        last(events.upload([upload(tmp_path, "owls.md", "# Owls\n\nThey hunt.")])).progress or ""
    )


def test_nothing_uploaded_changes_nothing(events: NoteEvents) -> None:
    assert list(events.upload([])) == []


def test_a_model_that_is_missing_is_the_status(desk: Desk) -> None:
    with pytest.raises(ModelMissing):
        desk.chain()
    assert (desk.status().stage, desk.status().message) == (
        LoadingStage.FAILED,
        "There is no chat model here. Run: lectern doctor",
    )


def test_questions_follow_the_notes(events: NoteEvents, desk: Desk, tmp_path: Path) -> None:
    assert desk.questions() == []
    last(events.upload([upload(tmp_path, "owls.md", "# Snowy owls\n\nThey hunt.")]))
    assert desk.questions() == ["What are snowy owls?"]
