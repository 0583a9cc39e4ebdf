"""The tree of errors that a person may see, each with what to do.

    LecternError
    ├── InputError              the input cannot be used
    │   ├── SettingsError       a flag, variable or file key that is unknown or out of range
    │   ├── QuestionError       empty or too long
    │   ├── DatasetError        a golden file, corpus or training file that is malformed (names file and line)
    │   └── UnreadableNote      one note that cannot be read; ingest counts and reports it and goes on
    ├── LibraryError            the folder of the index, or its course on a server
    │   ├── LibraryMissing      there is none yet
    │   ├── LibraryBusy         another process is writing
    │   ├── LibraryMismatch     made by another embedder, chunker or schema
    │   ├── LibraryUnreachable  the server does not answer, or refuses
    │   └── LibraryDamaged      fails its own checks, or the disk is full
    ├── ModelError              the language or embedding model
    │   ├── ModelMissing        files or package not there, or access not granted
    │   ├── ModelTooLarge       does not fit the memory
    │   ├── ModelBusy           the queue is full
    │   └── ModelFailed         died or answered nonsense while generating
    ├── TrainingError           a recipe or run that cannot go on
    ├── ClusterError            a Ray cluster that cannot be reached, or whose machines differ from this one
    └── ServerError             the web app cannot start (port in use, no address)

Every message names what was found, what was expected and what to do. Only the command line and the web
callbacks catch these; libraries' own errors are translated where they are raised, with `from exc`.
"""

import errno


class LecternError(Exception):
    """The root: an expected error with a message for a person."""


class InputError(LecternError):
    """A value, file or question that cannot be used."""


class SettingsError(InputError):
    """A flag, environment variable or key of `lectern.toml` is unknown or invalid."""


class QuestionError(InputError):
    """A question is empty or too long."""


class DatasetError(InputError):
    """A golden file, corpus or training file is malformed."""


class UnreadableNote(InputError):
    """A note that cannot be read; the message is the reason that ingest reports.

    `passing` marks a reason that is the machine's or this run's (time, memory, a killed process) and not the
    file's: the next ingest tries the same file again.
    """

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


class LibraryError(LecternError):
    """Something is wrong with the library folder."""


class LibraryMissing(LibraryError):
    """There is no library where one was expected."""


class LibraryBusy(LibraryError):
    """Another process is writing to the library."""


class LibraryMismatch(LibraryError):
    """The library was made by another embedder, chunker or schema version."""


class LibraryUnreachable(LibraryError):
    """The server of a library does not answer, or refuses this user."""


class LibraryDamaged(LibraryError):
    """The library fails its own checks or could not be written whole."""


class ModelError(LecternError):
    """Something is wrong with a language or embedding model."""


class ModelMissing(ModelError):
    """A model's files or its package are not there, or access was not granted."""


class ModelTooLarge(ModelError):
    """A model does not fit the machine's memory."""


class ModelBusy(ModelError):
    """A model's queue of requests is full."""


class ModelFailed(ModelError):
    """A model or its server died or answered nonsense while generating."""


class TrainingError(LecternError):
    """A fine-tuning recipe or run cannot go on."""


class ClusterError(LecternError):
    """A Ray cluster cannot be reached or used."""


class ServerError(LecternError):
    """The web app cannot start."""


def disk_message(error: OSError) -> str:
    """Return the message for a file or disk that failed.

    It is for the end of a command, where no other code knew more; never for a library.
    """
    where = f" at {error.filename}" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"The disk is full{where}. Free some space and run the command again; what was saved before is whole."
    return f"{error.strerror or error}{where}. Check that the path exists and that you may use it."
