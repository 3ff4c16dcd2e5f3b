"""Subword regularisation: seeded draws of other cuts."""

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from bertgen import AutoTokenizer
from bertgen.training.data.corpus import build_corpus, build_vocabulary, epoch_batches
from bertgen.training.data.sampling import CUTS, SubwordSampler
from bertgen.training.data.vocabulary import write_tokenizer_files
from bertgen.training.recipe.reader import read_recipe
from bertgen.training.recipe.tables import Recipe
from bertgen.training.runs.start import start_tokenizer

ROOT = Path(__file__).parents[3]
CHECKPOINT = ROOT / "assets" / "checkpoints" / "translate-mini"
TEXTS = [
    "The old man sat on the bench, and fed the birds.",
    "„Zweiundvierzig“ Jahre später: 3,14 Donaudampfschiffe.",
    "Ω≈ç√ 東京 don’t",
]
DRAW = """
import random, sys
from bertgen import AutoTokenizer
from bertgen.training.data.sampling import SubwordSampler
sampler = SubwordSampler(AutoTokenizer.from_pretrained(sys.argv[1]), 0.3)
chance = random.Random(1)
print([sampler.encode(text, chance) for text in eval(sys.argv[2])])
"""
RECIPE = """
name = "tiny"
task = "translate"
title = "Tiny"
seed = 5
longest_source = 12
longest_target = 12
subword_sampling = 0.2

[[data]]
name = "made-up"
origin = "this test"
licence = "Apache-2.0"
train = "train.tsv.gz"
valid = "train.tsv.gz"

[vocabulary]
size = 292
model_type = "unigram"

[model]
hidden_size = 16
intermediate_size = 32
num_attention_heads = 2
encoder_layers = 1
decoder_layers = 1
max_position_embeddings = 16

[optimisation]
batch_tokens = 128
max_steps = 10
warmup_steps = 0
decay_steps = 0
learning_rate = 1e-3
"""


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(CHECKPOINT)


def test_the_best_cuts_are_the_tokenizers(tokenizer) -> None:
    sampler = SubwordSampler(tokenizer, 1e4)  # so steep that only the best has a chance
    for text in TEXTS:
        assert sampler.encode(text, random.Random(0)) == tokenizer(text, add_special_tokens=False).input_ids


def test_every_draw_is_the_same_text(tokenizer) -> None:
    sampler, chance = SubwordSampler(tokenizer, 0.1), random.Random(0)
    for text in TEXTS:
        drawn = {tuple(sampler.encode(text, chance)) for _ in range(20)}
        assert len(drawn) > 4
        assert {tokenizer.decode(list(ids)) for ids in drawn} == {text}


def test_draws_follow_the_probabilities(tokenizer) -> None:
    """Kudo 2018, section 3.3: P(cut)^alpha over the best cuts."""
    alpha, count, word = 0.4, 4000, "beginning"
    sampler, chance = SubwordSampler(tokenizer, alpha), random.Random(0)
    cuts = [tuple(cut) for cut in tokenizer.sp_model.nbest_encode_as_ids(word, CUTS)]
    scores = [sum(tokenizer.sp_model.get_score(piece) for piece in cut) for cut in cuts]
    weights = [2.718281828 ** (alpha * score) for score in scores]
    drawn = [tuple(sampler.encode(word, chance)) for _ in range(count)]
    for cut, weight in zip(cuts, weights, strict=True):
        assert drawn.count(cut) / count == pytest.approx(weight / sum(weights), abs=0.03)


def test_another_process_draws_the_same(tokenizer) -> None:
    command = [sys.executable, "-c", DRAW, CHECKPOINT, repr(TEXTS)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    sampler, chance = SubwordSampler(tokenizer, 0.3), random.Random(1)
    assert json.loads(result.stdout) == [sampler.encode(text, chance) for text in TEXTS]


def build(folder: Path, text: str) -> tuple[Recipe, object]:
    words = ["Katze", "sieht", "Hund", "Maus", "klettert", "wieder", "gestern", "immer", "heute", "Baum"]
    chance = random.Random(0)
    lines = [" ".join(chance.choices(words, k=chance.randint(3, 7))) for _ in range(80)]
    (folder / "train.tsv.gz").write_bytes(gzip.compress("".join(f"{a}\t{a}\n" for a in lines).encode()))
    (folder / "recipe.toml").write_text(text)
    recipe = read_recipe(folder / "recipe.toml")
    write_tokenizer_files(folder, build_vocabulary(recipe, folder), recipe.longest_source)
    return recipe, build_corpus(recipe, folder, start_tokenizer(recipe, folder))


def test_epochs_cut_anew_and_keep_to_the_longest(tmp_path: Path) -> None:
    recipe, corpus = build(tmp_path, RECIPE)
    epochs = [
        [row for batch in epoch_batches(corpus, recipe, number) for row in batch] for number in (0, 0, 1)
    ]
    assert epochs[0] == epochs[1] != epochs[2]
    plain = {row.texts: row for row in corpus.train}
    assert any(row.target != plain[row.texts].target for row in epochs[2])
    for row in epochs[2]:
        assert len(row.source) <= 12
        assert len(row.target) <= 12
        assert row.target[-1] == corpus.tokenizer.eos_token_id
        assert corpus.tokenizer.decode(list(row.target[:-1])) == row.texts[1]
    assert all(row.source == plain[row.texts].source for row in corpus.valid["made-up"])


def test_a_vocabulary_without_other_cuts_is_refused(tmp_path: Path) -> None:
    bpe = RECIPE.replace("unigram", "bpe").replace("= 12", "= 16")
    with pytest.raises(ValueError, match="model_type unigram"):
        build(tmp_path, bpe)
    with pytest.raises(ValueError, match="at least 0"):
        build(tmp_path, RECIPE.replace("0.2", "-0.2"))
