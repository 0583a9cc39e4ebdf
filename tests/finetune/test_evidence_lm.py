"""A language model as evidence scorer: its tokens, its network and its training."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn

from finetune.evidence import qwen2
from finetune.evidence.batches import Sizes, collate
from finetune.evidence.examples import EvidenceExample, ShownPassage
from finetune.evidence.lm_network import LmNetwork
from finetune.evidence.lm_training import RECIPE, mean_of, train_lm
from finetune.evidence.packing import pack
from finetune.evidence.prediction import predict
from rag.answer.second_reader.encoding import LmEncoder

EXAM = "The exam is on 3 May. Bring a pen."
QUIZ = "The quiz is on 7 June. It is short."


@pytest.fixture(scope="module")
def tokenizer():
    found = Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    marks = ["<|endoftext|>", "<|im_start|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    found.train_from_iterator(
        [EXAM, QUIZ], trainers.BpeTrainer(vocab_size=320, special_tokens=marks, initial_alphabet=alphabet)
    )
    return found


@pytest.fixture
def part(tokenizer):
    encoder = LmEncoder(tokenizer)
    shown = (ShownPassage("Course", EXAM), ShownPassage("Course", QUIZ))
    asked = (("When is the exam?", (0, 0)), ("When is the quiz?", (1, 0)), ("Is the exam short?", None))
    examples = [
        EvidenceExample("course", "teacher-own", text, shown, (mark,) if mark else ()) for text, mark in asked
    ]
    return replace(pack(examples, encoder), longest=encoder.longest)


def _model(vocabulary):
    from transformers import Qwen2Config, Qwen2Model

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
    )  # fmt: skip
    return Qwen2Model(config).eval()


def _weights(model):
    layers = []
    for layer in model.layers:
        read = [getattr(layer.self_attn, f"{name}_proj") for name in "qkv"]
        for linear in read:
            nn.init.normal_(linear.bias)
        layers.append(
            qwen2.Layer(
                layer.input_layernorm.weight.data,
                torch.cat([linear.weight for linear in read]).data,
                torch.cat([linear.bias for linear in read]).data,
                layer.self_attn.o_proj.weight.data,
                layer.post_attention_layernorm.weight.data,
                torch.cat([layer.mlp.gate_proj.weight, layer.mlp.up_proj.weight]).data,
                layer.mlp.down_proj.weight.data,
            )
        )
    config, words = model.config, model.embed_tokens.weight.data
    return qwen2.Weights(words, words, model.norm.weight.data, layers, 4, 2, 8, config.rms_norm_eps, 10000.0)


@pytest.fixture
def network(tokenizer):
    return LmNetwork(_weights(_model(tokenizer.get_vocab_size())), dropout=0.0)


def _tensors(part, rows, sizes):
    return {name: torch.from_numpy(array) for name, array in collate(part, rows, sizes).items()}


def test_a_sentence_begins_at_its_first_letter_and_not_at_the_space_before_it(tokenizer):
    ids, sentence, count = LmEncoder(tokenizer).body("Course", EXAM)
    texts = [
        tokenizer.decode([token for token, of in zip(ids, sentence, strict=True) if of == n]).strip()
        for n in range(count)
    ]
    assert texts == ["The exam is on 3 May.", "Bring a pen."]
    assert sentence[-1] == -1 and ids[-1] == tokenizer.token_to_id("<|endoftext|>")


def test_the_network_reads_a_pair_in_both_directions_as_transformers_does(tokenizer, part):
    model = _model(tokenizer.get_vocab_size())
    network = LmNetwork(_weights(model), dropout=0.0).eval()
    batch = _tensors(part, np.arange(1), Sizes.for_tokens(512))
    kept = []
    network.passage.register_forward_pre_hook(lambda _, given: kept.append(given[0]))
    network(batch, part.longest)
    bounds = batch["bounds"].tolist()
    for pair in range(2):
        ids = batch["ids"][bounds[pair] : bounds[pair + 1]]
        everything = torch.zeros(1, 1, len(ids), len(ids))
        expected = model(inputs_embeds=model.embed_tokens(ids[None]), attention_mask=everything)
        torch.testing.assert_close(kept[0][pair], expected.last_hidden_state[0, -1], atol=1e-5, rtol=1e-4)


def test_a_language_model_learns_which_sentence_answers(network, part):
    recipe = replace(RECIPE, epochs=60, tokens=512, rate=5e-3, head_rate=5e-3, average=0.5)
    train_lm(network, part, recipe)
    found = predict(network, part, 512)
    sentence = found.sentence.reshape(3, 2, 2)
    assert sentence[0].argmax() == 0 and sentence[1].argmax() == 2
    assert sentence[0].max() > 0 > sentence[2].max()


def test_a_network_learns_from_a_teacher_instead_of_the_labels(network, part):
    # The teacher finds the second sentence of the second passage for the first question, else nothing.
    sentence, pair = np.full(12, -4, np.float16), np.full(6, -4, np.float16)
    sentence[3], pair[1] = 4, 4
    recipe = replace(RECIPE, epochs=60, tokens=512, rate=5e-3, head_rate=5e-3, average=0.5, taught=1.0)
    train_lm(network, part.with_teacher(sentence, pair), recipe)
    found = predict(network, part, 512)
    assert np.flatnonzero(found.sentence > 0).tolist() == [3]
    assert np.flatnonzero(found.pair > 0).tolist() == [1]


def test_a_part_keeps_the_teachers_logits_of_the_examples_it_takes(part):
    taught = part.with_teacher(np.arange(12, dtype=np.float16), np.arange(6, dtype=np.float16))
    batch = collate(taught.take(np.array([2, 0])), np.arange(2), Sizes.for_tokens(512))
    assert batch["taught"][:8].tolist() == [8, 9, 10, 11, 0, 1, 2, 3]
    assert batch["taught_pair"][:4].tolist() == [4, 5, 0, 1]


def test_only_the_first_layers_are_read_with_a_depth(tokenizer, part):
    weights = _weights(_model(tokenizer.get_vocab_size()))
    assert len(LmNetwork(weights, depth=1).layers) == 1
    assert len(LmNetwork(weights).layers) == 2


def test_the_mean_keeps_a_share_of_the_start():
    old, new = {"a": torch.tensor([0.0, 4.0])}, {"a": torch.tensor([2.0, 8.0])}
    assert mean_of(old, new, 0.25)["a"].tolist() == [1.5, 7.0]
    assert mean_of(old, new, 0.0)["a"].tolist() == [2.0, 8.0]
