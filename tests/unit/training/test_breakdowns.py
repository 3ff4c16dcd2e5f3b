"""Runs that diverge, die, fill the disk or are resumed in another way, and exports of the wrong recipe."""

import json
import random
import signal
from pathlib import Path

import pytest
import torch

from bertgen import AutoTokenizer, EncoderDecoderModel
from bertgen.training.__main__ import main
from bertgen.training.data.sampling import SubwordSampler
from bertgen.training.data.vocabulary import train_sentencepiece, write_tokenizer_files
from bertgen.training.recipe.reader import read_pretraining_recipe, read_recipe
from bertgen.training.runs.export import run_weights
from bertgen.training.runs.snapshots import best_loss
from bertgen.training.runs.state import LOG, STATE, read_log
from bertgen.training.trainer import Trainer
from tests.unit.training.tiny_bases import make_bert, recipe_text

RECIPES = Path(__file__).parents[3] / "bertgen" / "training" / "recipes"


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two BERTs of one shape with other words."""
    root = tmp_path_factory.mktemp("bases")
    make_bert(root / "bert")
    other = make_bert(root / "other") / "vocab.txt"
    other.write_text(other.read_text().replace("ada\nbob\n", "bob\nada\n"))
    return root


@pytest.fixture
def work(bases: Path, tmp_path: Path) -> Path:
    pairs = [f"ada sees {'and runs ' * (n % 5)}{n}.\tada {n}. he runs {n % 3}.\n" for n in range(30)]
    (tmp_path / "train.tsv").write_text("".join(pairs))
    (tmp_path / "valid.tsv").write_text("bob runs 1.\tbob runs.\nada runs.\tada.\n")
    (tmp_path / "recipe.toml").write_text(recipe_text(bases / "bert", steps=6))
    return tmp_path


def command(monkeypatch: pytest.MonkeyPatch, work: Path, name: str, *more: object) -> None:
    arguments = [name, work / "recipe.toml", "--data", work, "--out", work / "run", *more]
    monkeypatch.setattr("sys.argv", ["training", *map(str, arguments)])
    main()


def export(monkeypatch: pytest.MonkeyPatch, work: Path, *more: object) -> None:
    arguments = ["export", work / "recipe.toml", work / "run", "--out", work / "out", *more]
    monkeypatch.setattr("sys.argv", ["training", *map(str, arguments)])
    main()


def test_a_diverged_run_says_so_and_keeps_what_was_good(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Trainer.train_step

    def broken(trainer: Trainer):
        if trainer.step == 4:
            trainer.weights.masters[0].fill_(torch.nan)
            trainer.weights.parameters[0].data.fill_(torch.nan)
        return step(trainer)

    monkeypatch.setattr(Trainer, "train_step", broken)
    saving = ["--set", "optimisation.save_every_seconds=0", "--set", "optimisation.patience=9"]
    with pytest.raises(SystemExit, match="diverged: by step 5 the gradient is not finite"):
        command(monkeypatch, work, "train", *saving)
    assert all(tensor.isfinite().all() for tensor in run_weights(work / "run", "masters").values())
    assert best_loss(work / "run") < float("inf")


def test_weights_without_a_finite_loss_are_not_chosen(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(monkeypatch, work, "train")
    log = (work / "run" / LOG).read_text()
    masters = run_weights(work / "run", "masters")
    line = {"step": 6, "last_loss_own": 2.0, "average_loss_own": float("nan")}
    (work / "run" / LOG).write_text(log + json.dumps(line) + "\n")
    assert all(torch.equal(masters[name], found) for name, found in run_weights(work / "run", "auto").items())
    line["last_loss_own"] = float("nan")
    (work / "run" / LOG).write_text(log + json.dumps(line) + "\n")
    with pytest.raises(ValueError, match="no validation loss is finite"):
        run_weights(work / "run", "auto")


def test_a_run_is_exported_with_its_own_recipe_alone(
    bases: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(monkeypatch, work, "train", "--set", "warm_start.setup=BERT2BERT")
    for settings in ([], ["--set", f"warm_start.bert={bases / 'other'}"]):
        with pytest.raises(SystemExit, match=r"was started with another 'warm_start'.*same --set"):
            export(monkeypatch, work, *settings)
    assert not (work / "out").exists()
    # Words for readers may be other ones.
    export(
        monkeypatch,
        work,
        "--set",
        "warm_start.setup=BERT2BERT",
        "--set",
        "title=Mine",
        "--set",
        "data.own.licence=CC0",
    )
    assert json.loads((work / "out" / "profile.json").read_text())["title"] == "Mine"


def test_a_full_disk_leaves_a_run_that_goes_on(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(monkeypatch, work, "train", "--set", "optimisation.max_steps=3")
    with (work / "run" / LOG).open("a") as file:
        file.write('{"step": 4, "last_loss_own": 3')
    assert read_log(work / "run")[-1]["step"] == 3
    command(monkeypatch, work, "train", "--resume")
    assert read_log(work / "run")[-1]["step"] == 6

    def full(*_: object) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 21888 vs 21816")

    before = (work / "run" / STATE).read_bytes()
    with monkeypatch.context() as disk:
        disk.setattr(torch, "save", full)
        with pytest.raises(SystemExit, match=r"state\.pt was not saved .*is the disk full"):
            command(disk, work, "train", "--resume", "--set", "optimisation.max_steps=8")
    assert (work / "run" / STATE).read_bytes() == before
    assert not list((work / "run").glob("*.tmp"))


@pytest.mark.parametrize("length", [0, 5000])
def test_a_damaged_state_is_named(work: Path, monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    command(monkeypatch, work, "train")
    state = work / "run" / STATE
    state.write_bytes(state.read_bytes()[:length])
    for resumed in (
        lambda: command(monkeypatch, work, "train", "--resume"),
        lambda: export(monkeypatch, work),
    ):
        with pytest.raises(SystemExit, match=r"error: .*state\.pt is damaged"):
            resumed()
    (work / "run" / LOG).write_text("no json\n{}\n")
    with pytest.raises(ValueError, match=r"train\.jsonl, line 1: no JSON"):
        read_log(work / "run")


FRESH = """
[vocabulary]
size = 282

[model]
hidden_size = 8
intermediate_size = 8
num_attention_heads = 1
encoder_layers = 1
decoder_layers = 1
max_position_embeddings = 40
"""


def test_a_start_that_failed_can_be_repeated(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (work / "recipe.toml").read_text()
    start, end = text.index("[warm_start]"), text.index("[[data]]")
    (work / "recipe.toml").write_text(text[:start] + FRESH + text[end:])
    short = ["--set", "longest_source=2"]
    with pytest.raises(SystemExit, match="none of 30 training rows is within longest_source 2"):
        command(monkeypatch, work, "train", *short)
    assert (work / "run" / "spiece.model").exists()
    command(monkeypatch, work, "train", "--resume")  # as well as without
    assert read_log(work / "run")[-1]["step"] == 6
    assert not (work / "run" / "preparing").exists()


def test_clipping_can_be_off_and_not_turned_round(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = []
    for name, norm in (("off", 0), ("far", 1e9)):
        command(monkeypatch, work, "train", "--set", f"optimisation.clip_norm={norm}")
        weights.append(run_weights(work / "run", "masters"))
        (work / "run").rename(work / name)
    assert all(torch.equal(one, two) for one, two in zip(*(found.values() for found in weights), strict=True))
    with pytest.raises(ValueError, match="clip_norm must be at least 0"):
        read_recipe(work / "recipe.toml", ["optimisation.clip_norm=-1"])


def test_a_step_of_a_resumed_run_reads_what_it_read(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(
        monkeypatch, work, "train", "--set", "optimisation.accumulate=2", "--set", "optimisation.max_steps=3"
    )
    with pytest.raises(SystemExit, match=r"a step of this run reads 2 batches .* now read 1"):
        command(monkeypatch, work, "train", "--resume")
    command(monkeypatch, work, "train", "--resume", "--set", "optimisation.accumulate=2")
    (work / "train.tsv").write_text("".join((work / "train.tsv").read_text().splitlines(True)[:-1]))
    more = ["--set", "optimisation.accumulate=2", "--set", "optimisation.max_steps=9"]
    with pytest.raises(
        SystemExit, match=r"the run began with \[30\] training rows a set, now there are \[29\]"
    ):
        command(monkeypatch, work, "train", "--resume", *more)


def test_a_stage_behind_a_run_that_patience_ended_is_trained(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        (work / "recipe.toml")
        .read_text()
        .replace("max_steps = 6\nwarmup_steps = 0\ndecay_steps = 0\nlearning_rate = 1e-3\n", "patience = 1\n")
    )
    stage = '[[stage]]\nname = "{}"\nmax_steps = {}\nwarmup_steps = 0\ndecay_steps = 0\nlearning_rate = {}\n'
    text += stage.format("one", 9, "1e-9")  # too slow to become better, after the first validation
    (work / "recipe.toml").write_text(text)
    command(monkeypatch, work, "train")
    ended = read_log(work / "run")[-1]["step"]
    assert ended < 9
    assert any("loss" in line for line in read_log(work / "run"))  # also before the log's twentieth step
    (work / "recipe.toml").write_text(text + stage.format("two", 2, "1e-2"))
    command(monkeypatch, work, "train", "--resume")
    last = read_log(work / "run")[-1]
    assert last["step"] > ended
    assert "two" in {line.get("stage") for line in read_log(work / "run")}


def test_a_checkpoint_from_bert_takes_what_its_tokenizer_gives(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(monkeypatch, work, "train")
    folder = work / "run" / "checkpoint"
    model, tokenizer = EncoderDecoderModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(["ada runs.", "bob"], return_tensors="pt", padding=True)
    assert set(inputs) == {"input_ids", "attention_mask"}
    assert model.generate(**inputs, max_new_tokens=2).shape[0] == 2


def test_a_signal_is_an_error_to_scripts(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Trainer.train_step

    def interrupted(trainer: Trainer):
        if trainer.step == 2:
            signal.raise_signal(signal.SIGTERM)
        return step(trainer)

    for name, more in (("train", []), ("compare", ["--setups", "BERTSHARE"])):
        with monkeypatch.context() as once:
            once.setattr(Trainer, "train_step", interrupted)
            with pytest.raises(SystemExit, match="stopped and saved; go on with --resume"):
                command(once, work, name, *more)
        run = work / "run" if name == "train" else work / "run" / "BERTSHARE"
        assert [line["step"] for line in read_log(run) if "loss" in line] == [3]
    command(monkeypatch, work, "compare", "--setups", "BERTSHARE")
    assert "BERTSHARE" in (work / "run" / "table.md").read_text()


def test_other_spaces_survive_other_cuts(tmp_path: Path) -> None:
    lines = [f"ada sees {n}\xa0000 times and\u202fruns home" for n in range(40)]
    write_tokenizer_files(tmp_path, train_sentencepiece(lines, 290, "unigram"), 40)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    text = " ".join(lines[0].split(" "))
    ids = SubwordSampler(tokenizer, 0.2).encode(text, random.Random(0))
    assert tokenizer.decode(ids) == tokenizer.decode(tokenizer(text).input_ids)
    assert "\xa0" in tokenizer.decode(ids)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("short_rows=[[7, 4]]", "every length must divide row_length"),
        ("held_out=0", "held_out must be at least 1"),
        ("vocabulary.size=70000", "at most 65,536"),
    ],
)
def test_pretraining_settings_that_cannot_be_meant(setting: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_pretraining_recipe(RECIPES / "bert-mini.toml", [setting])
