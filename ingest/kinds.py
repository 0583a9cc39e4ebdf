"""The kinds of files that are read, and those that are not with an advice.

The command line, the web app's file picker, the parsers and the report of skipped files use this list.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from ingest.extras import ocr_is_installed, speech_is_installed
from rag.types import DocumentKind

KIND_OF_SUFFIX = {
    **dict.fromkeys((".md", ".mdx", ".markdown", ".rmd", ".qmd"), DocumentKind.MARKDOWN),
    **dict.fromkeys((".canvas", ".excalidraw"), DocumentKind.MARKDOWN),
    ".ipynb": DocumentKind.NOTEBOOK,
    ".pdf": DocumentKind.PDF,
    **dict.fromkeys((".docx", ".odt", ".rtf"), DocumentKind.WORD),
    **dict.fromkeys((".pptx", ".odp"), DocumentKind.SLIDES),
    **dict.fromkeys((".html", ".htm", ".xhtml", ".mhtml", ".mht"), DocumentKind.HTML),
    **dict.fromkeys((".csv", ".tsv", ".xlsx", ".xlsm", ".ods"), DocumentKind.SPREADSHEET),
    ".epub": DocumentKind.EBOOK,
    **dict.fromkeys((".tex", ".latex", ".ltx"), DocumentKind.LATEX),
    **dict.fromkeys((".rst", ".rest", ".org", ".adoc", ".asciidoc"), DocumentKind.MARKUP),
    **dict.fromkeys((".srt", ".vtt"), DocumentKind.SUBTITLES),
    ".eml": DocumentKind.EMAIL,
    **dict.fromkeys(
        (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"), DocumentKind.PICTURE
    ),
    **dict.fromkeys(
        (".mp3", ".m4a", ".wav", ".ogg", ".opus", ".flac", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"),
        DocumentKind.RECORDING,
    ),
    **dict.fromkeys((".txt", ".text"), DocumentKind.TEXT),
}
"""Suffix to kind. A file of any other suffix that is not in `UNREAD_KINDS` is tried as text."""
ARCHIVE_SUFFIX = ".zip"
_CODE_SUFFIXES = """
    .py .c .h .cc .cpp .hpp .cs .java .kt .js .mjs .ts .tsx .jsx .go .rs .rb .php .pl .r .jl .m .sql .sh .bash .ps1 .scala
    .swift .hs .ml .lua .asm .s .v .vhd .toml .yaml .yml .json .ini .cfg .xml
""".split()


@dataclass(frozen=True, slots=True)
class UnreadKind:
    """Files that are not read: their name in the plural, and what to do about them.

    `advice` is empty where there is nothing in them to read.
    """

    name: str
    advice: str = ""


_UNREAD = {
    UnreadKind("Office files with macros, templates and shows", "save them as .docx, .pptx or .xlsx"): (
        ".docm .dotx .dotm .pptm .potx .potm .ppsx .ppsm .xltx .xltm"
    ),
    UnreadKind(
        "old Office files", "save them as .docx, .pptx or .xlsx"
    ): ".doc .ppt .pps .xls .xlsb .wpd .wps",
    UnreadKind(
        "Pages, Keynote and Numbers files", "export them as PDF, .docx, .pptx or .xlsx"
    ): ".pages .key .numbers",
    UnreadKind("OneNote files", "export the section as PDF or .docx"): ".one .onetoc2 .onepkg",
    UnreadKind("e-books of other kinds", "convert them to .epub or PDF"): ".mobi .azw .azw3 .fb2 .djvu .chm",
    UnreadKind("PostScript files", "convert them to PDF"): ".ps .eps .dvi",
    UnreadKind("archives of other kinds", "unpack them, or pack them as .zip"): (
        ".tar .gz .tgz .bz2 .xz .7z .rar .zst .jar .whl .iso .dmg"
    ),
    UnreadKind("Outlook messages", "save them as .eml"): ".msg .pst .mbox",
    UnreadKind("drawings", "export them as PDF, or write what they show into a note"): (
        ".svg .ai .psd .vsd .vsdx .drawio .ggb .fig .heic .ico .icns .xcf .odg"
    ),
    UnreadKind("data files", "export what is worth searching as .csv"): (
        ".npy .npz .pkl .pickle .joblib .h5 .hdf5 .parquet .feather .arrow .mat .rds .rdata .sav .dta .bin .db .sqlite "
        ".sqlite3 .mdb .accdb .faiss .pt .pth .onnx .safetensors .gguf .tflite"
    ),
    UnreadKind("programs and fonts"): (
        ".exe .dll .so .dylib .o .a .class .pyc .pyd .wasm .msi .apk .ttf .otf .woff .woff2 .eot"
    ),
    UnreadKind("working files of programs"): (
        ".css .scss .map .lock .log .tmp .bak .swp .crdownload .part .aux .toc .bbl .blg .synctex .fls .fdb_latexmk .sty .cls"
    ),
}
_UNREAD_KINDS = {suffix: kind for kind, suffixes in _UNREAD.items() for suffix in suffixes.split()}
PICTURES = UnreadKind("pictures", "`lectern setup ocr` reads the text in them")
RECORDINGS = UnreadKind(
    "recordings",
    "`lectern setup audio` reads what is spoken, or add their transcript as .srt, .vtt or .txt",
)


def kind_of(name: str | PurePath) -> DocumentKind:
    """Return the kind of a file by its name, TEXT for one of no known suffix."""
    return KIND_OF_SUFFIX.get(PurePath(name).suffix.lower(), DocumentKind.TEXT)


def unread_kinds() -> dict[str, UnreadKind]:
    """Return suffix to kind of the files that are not read here.

    Pictures are among them unless the extra `ocr` is installed, recordings unless `audio` is.
    """
    missing = {}
    if not ocr_is_installed():
        missing[DocumentKind.PICTURE] = PICTURES
    if not speech_is_installed():
        missing[DocumentKind.RECORDING] = RECORDINGS
    optional = {suffix: missing[kind] for suffix, kind in KIND_OF_SUFFIX.items() if kind in missing}
    return {**_UNREAD_KINDS, **optional}


def readable_suffixes() -> list[str]:
    """Return the suffixes of all that is read here, for a file picker."""
    unread = unread_kinds()
    read = [suffix for suffix in (*KIND_OF_SUFFIX, *_CODE_SUFFIXES) if suffix not in unread]
    return [*read, ARCHIVE_SUFFIX]


def is_code(suffix: str) -> bool:
    """Return whether files of this suffix are source code or settings."""
    return suffix.lower() in _CODE_SUFFIXES
