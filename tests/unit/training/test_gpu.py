"""Training on a graphics card: the lean form computes what the project's classes compute."""

import itertools
import json

import numpy as np
import pytest
import torch

from bertgen.training.data.batches import Example, collate
from bertgen.training.gpu.__main__ import PLANS
from bertgen.training.gpu.batches import DeviceRows, epoch, smallest_bucket, start_ids
from bertgen.training.gpu.bundle import read_bundle, read_facts, write_bundle
from bertgen.training.gpu.decode import search
from bertgen.training.gpu.distil import usable
from bertgen.training.gpu.export import build, fill, train_log
from bertgen.training.gpu.gather import join_rows
from bertgen.training.gpu.learn import learning_rate
from bertgen.training.gpu.model import BOS, EOS, PAD, Batch, Pair, first_values, layout
from bertgen.training.gpu.noise import noised
from bertgen.training.gpu.packed import file_name, read_rows, rows_from_lists, write_rows
from bertgen.training.gpu.plan import Sizes, StagePlan, read_plan
from bertgen.training.gpu.run import run
from bertgen.training.gpu.trainer import Trainer
from bertgen.training.gpu.weights import FlatWeights
from bertgen.training.objectives.pair import training_loss

SIZES = Sizes(32, 64, 4, 2, 2, 24)
VOCABULARY = 50
PAIRS = [([5, 6, 7], [8, 9]), ([10], [11, 12, 13, 14]), ([20, 21, 22, 23, 24], [30])]


@pytest.fixture
def flat() -> torch.Tensor:
    found = layout(SIZES, VOCABULARY)
    values = first_values(found, 3, torch.device("cpu")) * 4  # else all scores are nearly even
    return values + 0.05 * torch.randn(values.shape, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def pair(flat) -> Pair:
    return Pair(SIZES, layout(SIZES, VOCABULARY).views(flat))


@pytest.fixture
def model(flat):
    own = build(SIZES, VOCABULARY, 0.0)
    fill(own, layout(SIZES, VOCABULARY).views(flat))
    return own.eval()


def device_batch(size=(8, 8)) -> Batch:
    rows = rows_from_lists(PAIRS)
    held = DeviceRows(rows, start_ids(len(rows)), torch.device("cpu"))
    return held.batch(torch.arange(len(rows)), size)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_that_of_the_projects_classes(pair, model, smoothing):
    examples = [Example(tuple(source), (*target, EOS)) for source, target in PAIRS]
    theirs = training_loss(model, collate(examples, PAD, BOS), smoothing)
    ours = pair.loss(device_batch(), smoothing)
    assert abs(float(ours.detach()) - float(theirs.detach())) < 1e-4


def test_gradients_are_those_of_the_projects_classes(flat, model):
    found = layout(SIZES, VOCABULARY)
    weights = FlatWeights(found, flat, torch.float32, 0.0)
    Pair(SIZES, weights.leaves).loss(device_batch(), 0.1).backward()
    examples = [Example(tuple(source), (*target, EOS)) for source, target in PAIRS]
    training_loss(model, collate(examples, PAD, BOS), 0.1).backward()
    layer = model.encoder.encoder.layer[0].attention.self
    theirs = torch.cat([layer.query.weight.grad, layer.key.weight.grad, layer.value.weight.grad])
    ours = found.views(weights.gradient)["encoder.0.self.query_key_value.weight"]
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def test_one_step_moves_as_adamw_does(flat):
    found = layout(SIZES, VOCABULARY)
    weights = FlatWeights(found, flat, torch.float32, 0.1)
    weights.gradient.copy_(torch.randn(flat.shape, generator=torch.Generator().manual_seed(2)))
    matrices, plain = (
        torch.nn.Parameter(part.clone()) for part in flat.split([found.decayed, found.size - found.decayed])
    )
    groups = [{"params": [matrices], "weight_decay": 0.1}, {"params": [plain], "weight_decay": 0.0}]
    reference = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.98), eps=1e-9)
    matrices.grad, plain.grad = (part.clone() for part in weights.gradient.split([len(matrices), len(plain)]))
    torch.nn.utils.clip_grad_norm_([matrices, plain], 1.0)
    reference.step()
    weights.set_control(1e-2, 0.5, 1)
    weights.step()
    torch.testing.assert_close(
        weights.master, torch.cat([matrices.detach(), plain.detach()]), atol=1e-6, rtol=1e-5
    )
    torch.testing.assert_close(weights.average, (flat + weights.master) / 2)


def test_a_gradient_that_is_not_finite_changes_nothing_but_decay(flat):
    weights = FlatWeights(layout(SIZES, VOCABULARY), flat, torch.float32, 0.0)
    weights.gradient[3] = float("nan")
    weights.set_control(1e-2, 0.5, 1)
    weights.step()
    assert torch.equal(weights.master, flat)


@pytest.mark.parametrize("beams", [1, 3])
def test_searches_find_what_generate_finds(pair, model, beams):
    batch = device_batch()
    ours, lengths = search(pair, batch.source, batch.source_mask, batch.inputs[:, 0], 12, beams)
    settings = {"num_beams": beams, "max_new_tokens": 12, "early_stopping": False, "length_penalty": 1.0}
    for row, length in enumerate(lengths.tolist()):
        if not length:
            continue  # cut off, which the two searches treat apart
        ids = batch.source[row][batch.source_mask[row]][None]
        theirs = model.generate(ids, do_sample=False, **settings)[0].tolist()
        assert ours[row, :length].tolist() == [piece for piece in theirs if piece not in (BOS, EOS, PAD)]


def test_an_answer_does_not_hang_on_its_neighbours(pair):
    batch = device_batch()
    together, _ = search(pair, batch.source, batch.source_mask, batch.inputs[:, 0], 10, 2)
    for row in range(3):
        one = slice(row, row + 1)
        alone, _ = search(pair, batch.source[one], batch.source_mask[one], batch.inputs[one, 0], 10, 2)
        assert torch.equal(alone[0], together[row])


def test_bundles_come_back_within_a_thousandth_of_the_rows_largest(tmp_path, flat):
    found = layout(SIZES, VOCABULARY)
    write_bundle(tmp_path / "x.safetensors", found, flat, {"stage": "x"})
    back = read_bundle(tmp_path / "x.safetensors", found)
    assert read_facts(tmp_path / "x.safetensors") == {"stage": "x"}
    assert torch.equal(back[found.decayed :], flat[found.decayed :])
    for name, view in found.views(back).items():
        wanted = found.views(flat)[name]
        if wanted.ndim > 1:
            step = wanted.abs().amax(1, keepdim=True) / 511
            assert bool(((view - wanted).abs() <= step * 0.501).all()), name


def test_packed_rows_come_back(tmp_path):
    write_rows(tmp_path / "rows.xz", rows_from_lists(PAIRS))
    rows = read_rows(tmp_path / "rows.xz")
    first, length = rows.target_start[1], rows.target_length[1]
    assert rows.tokens[first : first + length].tolist() == PAIRS[1][1]


def test_labels_end_with_the_end_token_and_inputs_begin_with_the_start():
    batch = device_batch()
    assert batch.inputs[0].tolist()[:3] == [BOS, 8, 9]
    assert batch.labels[0][batch.label_mask[0]].tolist() == [8, 9, EOS]
    assert batch.source[1][batch.source_mask[1]].tolist() == [10]


def test_an_epoch_reads_every_row_that_fits_in_full_batches():
    rows = rows_from_lists(PAIRS * 3)
    bucket_of = smallest_bucket(rows, [(4, 4), (8, 8)])
    order, steps = epoch(np.arange(len(rows)), bucket_of, [2, 4], np.random.default_rng(1))
    for step in steps:
        own = order[step.first : step.first + step.rows]
        assert len(own) == [2, 4][step.bucket]
        assert set(bucket_of[own]) == {step.bucket}
    assert set(order.tolist()) == set(range(len(rows)))


def test_joined_rows_are_their_parts_in_a_row():
    rows = rows_from_lists(PAIRS)
    found = join_rows(rows, 20, (40, 40), np.random.default_rng(2))
    assert len(found) == 20
    for row in range(len(found)):
        source = found.tokens[found.source_start[row] :][: found.source_length[row]].tolist()
        target = found.tokens[found.target_start[row] :][: found.target_length[row]].tolist()
        left = []
        while source:
            part = next(pair for pair in PAIRS if source[: len(pair[0])] == pair[0])
            source, left = source[len(part[0]) :], left + part[1]
        assert left == target


def test_noise_changes_sources_and_no_target():
    texts = [(list(range(5, 5 + 12)), []) for _ in range(50)]
    found = noised(rows_from_lists(texts), VOCABULARY, np.random.default_rng(1))
    changed = 0
    for row in range(len(found)):
        source = found.tokens[found.source_start[row] :][: found.source_length[row]].tolist()
        target = found.tokens[found.target_start[row] :][: found.target_length[row]].tolist()
        assert target == texts[0][0]
        changed += source != target
    assert 20 <= changed < 50


def test_answers_with_other_digits_are_not_learnt_from():
    digits = np.zeros(VOCABULARY, dtype=np.uint64)
    digits[[40, 41]] = [7, 1000]
    rows = [([5, 40, 41], [41, 40, 9]), ([5, 40], [41, 9]), ([5, 6], [9, 9]), ([5, 6], []), ([5], [9] * 9)]
    assert usable(rows_from_lists(rows), digits).tolist() == [0, 2]


def test_the_rate_follows_the_clock():
    stage = StagePlan("x", "train", 1, "en", {}, learning_rate=1.0, warmup=0.1, decay=0.5)
    assert learning_rate(stage, 100, 0.05) == pytest.approx(0.5)
    assert learning_rate(stage, 100, 0.5) == 1.0
    assert learning_rate(stage, 100, 0.75) == pytest.approx(0.5)
    assert learning_rate(stage, 100, 1.0) == 0.0
    assert learning_rate(stage, 1, 0.5) == pytest.approx(0.1)


def test_a_plan_with_an_unknown_start_or_setting_is_refused(tmp_path):
    stage = '[[stage]]\nname = "a"\nkind = "train"\nseconds = 1\nvocabulary = "en"\nshares = {}\n'
    for line, wanted in (('start = "nowhere"', "nowhere"), ("speed = 1", "speed")):
        (tmp_path / "plan.toml").write_text(f'name = "x"\nseed = 1\n{stage}{line}\n')
        with pytest.raises(ValueError, match=wanted):
            read_plan(tmp_path / "plan.toml")


def test_a_trained_pair_answers_with_what_it_was_taught():
    rows = rows_from_lists(PAIRS)
    held = DeviceRows(rows, start_ids(len(rows)), torch.device("cpu"))
    found = layout(SIZES, VOCABULARY)
    weights = FlatWeights(found, first_values(found, 1, torch.device("cpu")), torch.float32, 0.0)
    trainer = Trainer(SIZES, weights, held, [(8, 8)], 0.0, 0.0, graphs=True)
    for step in range(150):
        weights.set_control(3e-3, 0.1, step + 1)
        trainer.step(0, torch.arange(len(rows)))
    batch = held.batch(torch.arange(len(rows)), (8, 2))
    pair = Pair(SIZES, found.views(weights.average))
    answers, lengths = search(pair, batch.source, batch.source_mask, batch.inputs[:, 0], 8, 2)
    assert [row[:size].tolist() for row, size in zip(answers, lengths, strict=True)] == [t for _, t in PAIRS]


PLAN = """
name = "tiny"
seed = 1
[[vocabulary]]
name = "v"
size = 50
[[stage]]
name = "teacher"
kind = "train"
seconds = 2
vocabulary = "v"
reverse = "both"
shares = { a = 1.0 }
valid = ["a"]
joined_share = 0.2
batch_tokens = 256
buckets = [[8, 8], [16, 16]]
[[stage]]
name = "teach"
kind = "decode"
seconds = 1
vocabulary = "v"
start = "teacher"
reverse = "both"
beam = 2
shares = { "*" = 1.0 }
[[stage]]
name = "broken"
kind = "train"
seconds = 1
vocabulary = "v"
save = "broken"
shares = { missing = 1.0 }
buckets = [[8, 8]]
[[stage]]
name = "student"
kind = "train"
seconds = 2
vocabulary = "v"
save = "student"
distilled = 1.0
shares = { a = 1.0, mono = 1.0 }
valid = ["a"]
batch_tokens = 256
buckets = [[8, 8], [16, 16]]
[[stage]]
name = "base"
kind = "train"
seconds = 1
vocabulary = "v"
save = "base"
denoising = true
shares = { "*" = 1.0 }
valid = ["mono"]
batch_tokens = 256
buckets = [[8, 8], [16, 16]]
"""


def test_a_run_leaves_every_checkpoint_that_can_be_made(tmp_path, monkeypatch):
    # A clock of its own: every look at it takes a twentieth of a second, on a busy machine too.
    looks = itertools.count()
    monkeypatch.setattr("time.monotonic", lambda: next(looks) / 20)
    (tmp_path / "plan.toml").write_text(PLAN)
    packed, out = tmp_path / "packed", tmp_path / "out"
    packed.mkdir()
    sets = {
        "a": rows_from_lists(PAIRS * 20),
        "mono": rows_from_lists([(source, []) for source, _ in PAIRS] * 9),
    }
    for name, rows in sets.items():
        for side in ("train", "valid"):
            write_rows(packed / file_name(name, side), rows)
    manifest = {"sets": {name: {"vocabulary": "v"} for name in sets}, "vocabularies": {"v": 50}}
    (packed / "manifest.json").write_text(json.dumps({**manifest, "digits": {"v": [40, 41]}}))
    run(read_plan(tmp_path / "plan.toml"), packed, out, 6, scale=0.5)
    assert sorted(path.name for path in out.iterdir()) == [
        "base.safetensors",
        "log.jsonl",
        "student.safetensors",
    ]
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    failed = [line["stage"] for line in log if line.get("event") == "failed"]
    assert failed == ["broken"]
    for name in ("student", "base"):
        facts = read_facts(out / f"{name}.safetensors")
        assert facts["whole"]
        assert facts["steps"] > 0
        found = layout(Sizes(**facts["sizes"]), 50)
        assert torch.isfinite(read_bundle(out / f"{name}.safetensors", found)).all()


def test_a_stages_log_reads_like_any_training_log():
    lines = [
        {"at": 0.1, "stage": "run", "event": "start", "torch": "2", "device": "cuda", "card": "A card"},
        {"at": 9.0, "stage": "other", "step": 5, "loss": 1.0, "rate": 1.0, "norm": 1.0, "places_a_second": 1},
        {"at": 10.0, "stage": "mine", "event": "start", "rows": 4},
        {"at": 14.5, "stage": "mine", "step": 7, "loss": 3.5, "rate": 0.1, "norm": 0.5, "places_a_second": 8},
        {
            "at": 15.0,
            "stage": "mine",
            "event": "validation",
            "step": 8,
            "valid_last": 3.0,
            "valid_average": 2.5,
        },
        {"at": 15.1, "stage": "mine", "event": "answers", "set": "a", "bleu_on_ids": 40.0},
        {"at": 15.2, "stage": "mine", "event": "answers", "set": "b", "bleu_on_ids": 20.0},
        {"at": 15.3, "stage": "mine", "event": "end", "steps": 8},
    ]
    assert train_log(lines, "mine") == [
        {"step": 0, "device": "A card", "torch": "2"},
        {"step": 7, "loss": 3.5, "lr": 0.1, "norm": 0.5, "places_per_second": 8, "seconds": 4.5},
        {"step": 8, "last_loss": 3, "average_loss": 2.5, "last_bleu": 40.0},
    ]


@pytest.mark.parametrize("name", ["all.toml", "translate.toml"])
def test_the_plans_can_be_read(name):
    plan = read_plan(PLANS / name)
    saved = {stage.save for stage in plan.stage}
    assert {checkpoint.name for checkpoint in plan.checkpoint} <= saved
    assert {"translate-mini", "translate-mini-de-en"} <= saved
