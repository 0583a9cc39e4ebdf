"""Text to token ids and back, as in the model's training.

It needs neither torch nor transformers: it builds a `tokenizers.Tokenizer` from a GGUF file's vocabulary,
renders the model's own Jinja template, and decodes ids while they stream (a character may take several
tokens).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rag.chat_models.files.control_tokens import ControlTokens, Message, pieces
from rag.chat_models.files.gguf_header import GgufHeader, broken
from rag.errors import ModelFailed
from rag.types import Turn

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_CONTROL, _USER_DEFINED = 3, 4  # `tokenizer.ggml.token_type`; source: llama.cpp, llama.h
_GPT2_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN2_WORDS = _LLAMA3_WORDS.replace(r"\p{N}{1,3}", r"\p{N}")
_WORDS = {
    "gpt-2": _GPT2_WORDS,
    "default": _GPT2_WORDS,
    "smollm": _GPT2_WORDS,
    "llama-bpe": _LLAMA3_WORDS,
    "llama3": _LLAMA3_WORDS,
    "qwen2": _QWEN2_WORDS,
}
"""The regular expression that cuts text into words, by `tokenizer.ggml.pre`.

`smollm` would cut digits apart first. No merge of its vocabulary joins two digits, so the result differs only
for other numerals (a superscript two), and there the ids must be those of transformers, with which adapters
are trained.

Source: llama.cpp, src/llama-vocab.cpp.
"""


class Tokenization:
    """A model's tokenizer with its chat template.

    `special` names the template's variables (`bos_token`, `eos_token`); `stop_ids` end an answer.
    """

    def __init__(
        self, tokenizer: Tokenizer, template: str, special: Mapping[str, str], stop_ids: Sequence[int]
    ) -> None:
        self.tokenizer = tokenizer
        self.template = template
        self.special = special
        self.stop_ids = tuple(stop_ids)

    @cached_property
    def _template(self) -> Any:
        from jinja2 import TemplateError
        from jinja2.ext import loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
        )
        environment.globals["raise_exception"] = _refuse
        environment.filters["tojson"] = _to_json
        try:
            return environment.from_string(self.template)
        except TemplateError as exc:
            raise ModelFailed(
                f"the model's chat template cannot be read: {exc}; use another file of this model"
            ) from exc

    @cached_property
    def _control_tokens(self) -> ControlTokens:
        return ControlTokens(self.tokenizer.get_added_tokens_decoder(), self.template, self.stop_ids)

    def prompt(self, turns: Sequence[Turn]) -> str:
        """Return the prompt text for these messages, ending where the answer begins."""
        return self._rendered(_messages(turns))

    def _rendered(self, messages: Sequence[Message]) -> str:
        from jinja2 import TemplateError

        try:
            text = str(self._template.render(messages=messages, add_generation_prompt=True, **self.special))
        except (TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as exc:
            raise ModelFailed(f"the model's chat template refuses these messages: {exc}") from exc
        if not text.strip():
            raise ModelFailed(
                "the model's chat template makes an empty prompt of these messages; use an instruct version of this model"
            )
        return text

    def encode(self, text: str) -> list[int]:
        """Return the token ids of `text`, in which special tokens are recognized.

        None are added.
        """
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def encode_turns(self, turns: Sequence[Turn]) -> list[int]:
        """Return the token ids of the prompt for these messages, template included.

        Contents are plain text: a control token such as `<|im_start|>` written in one never becomes a turn.
        """
        messages, mark = self._control_tokens.hide(_messages(turns))
        text = self._rendered(messages)
        return [number for piece in pieces(text, mark) for number in self.encode(piece)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids` without special tokens."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))


class StreamingText:
    """Text from a stream of token ids; what it returns never ends inside a character.

    Only the ids since the last finished word are decoded again, so a long answer costs no more per token than a short
    one.
    """

    def __init__(self, tokenization: Tokenization) -> None:
        self._decode = tokenization.decode
        self._ids: list[int] = []
        self._shown = 0
        self._start = 0

    def add(self, ids: Sequence[int]) -> str:
        """The new text that `ids` complete, possibly empty."""
        self._ids.extend(ids)
        before = self._decode(self._ids[self._start : self._shown])
        whole = self._decode(self._ids[self._start :])
        if whole.endswith("\ufffd") or len(whole) <= len(before):
            return ""
        self._start, self._shown = self._shown, len(self._ids)
        return whole[len(before) :]

    def rest(self) -> str:
        """Return the remaining text when the stream ends.

        An unfinished character is shown as U+FFFD.
        """
        before = self._decode(self._ids[self._start : self._shown])
        return self._decode(self._ids[self._start :])[len(before) :]


def from_gguf(header: GgufHeader) -> Tokenization:
    """The tokenizer of a GGUF file.

    Raises:
        ModelFailed: its vocabulary is damaged or of a kind that is not known here, or it has no chat template.
    """
    metadata = header.metadata
    kind, words = metadata.get("tokenizer.ggml.model"), str(metadata.get("tokenizer.ggml.pre", "default"))
    tokens, merges = header.strings("tokenizer.ggml.tokens"), header.strings("tokenizer.ggml.merges")
    if kind != "gpt2" or words not in _WORDS or not tokens:
        raise ModelFailed(
            f"{header.path.name} has a vocabulary of kind {kind}/{words}; known are gpt2 with one of "
            f"{', '.join(sorted(_WORDS))}: serve this model with llama.cpp and pass openai:MODEL@URL"
        )
    if not header.chat_template.strip():
        raise ModelFailed(
            f"{header.path.name} has no chat template, without which a model cannot be asked anything; use the file of an instruct version"
        )
    end = header.eos_token_id
    special = {"bos_token": tokens[header.token_id("bos", end)], "eos_token": tokens[end]}
    ends = sorted({end, header.token_id("eot", end)})
    try:
        if not merges:
            raise ValueError("it has no merges")
        tokenizer = _byte_level_bpe(tokens, merges, words)
        _add_special(tokenizer, tokens, metadata.get("tokenizer.ggml.token_type", []))
    except Exception as exc:  # `tokenizers` raises bare Exception
        raise broken(header.path, f"has a damaged vocabulary ({exc})") from exc
    return Tokenization(tokenizer, header.chat_template, special, ends)


def _byte_level_bpe(tokens: Sequence[str], merges: Sequence[str], words: str) -> Tokenizer:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {token: number for number, token in enumerate(tokens)}
    pairs = [(left, right) for left, right in (merge.split(" ", 1) for merge in merges)]
    tokenizer = Tokenizer(models.BPE(vocabulary, pairs, ignore_merges=words in ("llama-bpe", "llama3")))
    cut = pre_tokenizers.Split(Regex(_WORDS[words]), "isolated")
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([cut, bytes_])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _add_special(tokenizer: Tokenizer, tokens: Sequence[str], types: Sequence[int]) -> None:
    from tokenizers import AddedToken

    control = [
        AddedToken(t, special=True, normalized=False)
        for t, kind in zip(tokens, types, strict=False)
        if kind == _CONTROL
    ]
    tokenizer.add_special_tokens(control)
    defined = [
        AddedToken(t, normalized=False)
        for t, kind in zip(tokens, types, strict=False)
        if kind == _USER_DEFINED
    ]
    tokenizer.add_tokens(defined)


def _messages(turns: Sequence[Turn]) -> list[Message]:
    return [{"role": turn.role.value, "content": turn.content} for turn in turns]


def _refuse(message: str) -> None:
    from jinja2 import TemplateError

    raise TemplateError(message)


def _to_json(value: Any, **options: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, **options)
