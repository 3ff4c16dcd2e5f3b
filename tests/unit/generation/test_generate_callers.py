"""What a caller hands to generate: streamers, processors, criteria, forced tokens, time."""

from __future__ import annotations

import queue
import threading
import time

import pytest
import torch

from bertgen import GenerationConfig

SOURCE = torch.tensor([[300, 261, 270, 280, 263], [264, 299, 288, 0, 0]])


class TextStreamer:
    """As the ecosystem's: prints whole words as they come, leaves the prompt out, takes one row."""

    def __init__(self, tokenizer):
        self.tokenizer, self.ids, self.printed, self.prompt = tokenizer, [], "", True
        self.pieces: list[str] = []

    def put(self, value: torch.Tensor) -> None:
        if value.dim() > 1 and value.shape[0] > 1:
            raise ValueError("one row at a time")
        if value.dim() > 1:
            value = value[0]
        if self.prompt:
            self.prompt = False
            return
        self.ids += value.tolist()
        text = self.tokenizer.decode(self.ids, skip_special_tokens=True)
        self.show(text[len(self.printed) :])
        self.printed = text

    def show(self, text: str) -> None:
        self.pieces.append(text)

    def end(self) -> None:
        self.show("")


class TextIteratorStreamer(TextStreamer):
    """The same into a queue that another thread reads."""

    def __init__(self, tokenizer):
        super().__init__(tokenizer)
        self.queue: queue.Queue = queue.Queue()

    def show(self, text: str) -> None:
        self.queue.put(text)

    def end(self) -> None:
        self.queue.put(None)

    def __iter__(self):
        return iter(lambda: self.queue.get(timeout=20), None)


@pytest.mark.parametrize("options", [{}, {"do_sample": True, "top_k": 8}], ids=str)
def test_text_streamer(model, tokenizer, options):
    streamer = TextStreamer(tokenizer)
    torch.manual_seed(4)
    output = model.generate(SOURCE[:1], streamer=streamer, max_new_tokens=12, **options)
    assert streamer.ids == output[0, 1:].tolist()
    assert len(streamer.pieces) == output.shape[1]  # a piece a token, and the end


def test_streamer_read_by_another_thread(model, tokenizer):
    streamer = TextIteratorStreamer(tokenizer)
    found = []
    writer = threading.Thread(
        target=lambda: found.append(model.generate(SOURCE[:1], streamer=streamer, max_new_tokens=12))
    )
    writer.start()
    pieces = list(streamer)
    writer.join(timeout=20)
    assert len(pieces) == found[0].shape[1] - 1


def test_streamer_gets_one_prompt_a_source(model):
    """Shapes: the prompt [B, T0] first, as the reference puts it, then a token a row [B * returned]."""
    shapes = []

    class Shapes:
        def put(self, value):
            shapes.append(tuple(value.shape))

        def end(self):
            shapes.append("end")

    model.generate(SOURCE, streamer=Shapes(), do_sample=True, num_return_sequences=3, max_new_tokens=2)
    assert shapes == [(2, 1), (6,), (6,), "end"]


@pytest.mark.parametrize("beams", [1, 3])
def test_forced_decoder_ids(make_model, beams):
    """[place, token]: the token at that place of the output, the start token counted as place 0."""
    model = make_model(eos_bias=-50.0)
    output = model.generate(SOURCE, forced_decoder_ids=[[1, 40], [3, 41]], num_beams=beams, max_new_tokens=6)
    assert output[:, 1].tolist() == [40, 40]
    assert output[:, 3].tolist() == [41, 41]
    free = model.generate(SOURCE, num_beams=beams, max_new_tokens=6)
    assert free[:, [1, 3]].tolist() != output[:, [1, 3]].tolist()


def test_time_limit(make_model):
    """The step that is running when the time is up is the last."""
    model = make_model(eos_bias=-50.0)

    def slowly(ids, scores):
        time.sleep(0.02)
        return scores

    output = model.generate(SOURCE, max_time=0.05, logits_processor=[slowly], max_new_tokens=60)
    assert 2 <= output.shape[1] <= 6
    assert model.generate(SOURCE, max_time=-1, max_new_tokens=60).shape[1] == 2


class EveryStep:
    """A criterion as a class, as the ecosystem writes them; notes what it is shown."""

    def __init__(self):
        self.seen = []

    def __call__(self, input_ids, scores, **kwargs):
        self.seen.append((tuple(input_ids.shape), tuple(scores.shape)))
        return False


@pytest.mark.parametrize(("options", "rows"), [({}, 2), ({"num_beams": 3}, 6), ({"do_sample": True}, 2)])
def test_criteria_see_ids_and_scores(make_model, options, rows):
    """ids [R, T] with the new token, this step's scores [R, V], as the reference documents them."""
    criterion = EveryStep()
    make_model(eos_bias=-50.0).generate(SOURCE, stopping_criteria=[criterion], max_new_tokens=4, **options)
    assert criterion.seen[0] == ((rows, 2), (rows, 367))
    assert criterion.seen[-1][0][1] in (4, 5)


def test_processors_come_after_the_settings(make_model):
    """The caller's own see what the settings' processors left, and are renormalised last."""
    seen = []

    def look(ids, scores):
        seen.append(scores[0, 40].item())
        return scores

    output = make_model().generate(
        SOURCE,
        suppress_tokens=[40],
        logits_processor=[look],
        renormalize_logits=True,
        max_new_tokens=2,
        output_scores=True,
        return_dict_in_generate=True,
    )
    assert seen[0] == -float("inf")
    torch.testing.assert_close(output.scores[0].exp().sum(-1), torch.ones(2))


@pytest.mark.parametrize("kind", ["encoder_outputs", "inputs_embeds"])
def test_states_without_a_mask_hide_nothing(model, kind):
    """Where no ids tell what is padding, everything is looked at, as in the reference."""
    with torch.no_grad():
        embeds = model.encoder.get_input_embeddings()(SOURCE)
        states = model.encoder(inputs_embeds=embeds)
    given = {"encoder_outputs": states} if kind == "encoder_outputs" else {"inputs_embeds": embeds}
    expected = model.generate(SOURCE, attention_mask=torch.ones_like(SOURCE))
    assert torch.equal(model.generate(**given), expected)
    assert not torch.equal(model.generate(SOURCE), expected)


def test_states_as_a_tuple(model):
    with torch.no_grad():
        states = model.encoder(SOURCE)[0]
    expected = model.generate(SOURCE, attention_mask=torch.ones_like(SOURCE))
    assert torch.equal(model.generate(encoder_outputs=(states,)), expected)


@pytest.mark.parametrize(
    "settings",
    [
        {"do_sample": True, "temperature": 0.7, "top_p": 0.8, "typical_p": 0.9, "epsilon_cutoff": 0.01},
        {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5, "num_return_sequences": 2},
        {"bad_words_ids": [[40], [41, 42]], "suppress_tokens": [43], "begin_suppress_tokens": [44]},
        {"exponential_decay_length_penalty": [3, 1.2], "forced_decoder_ids": [[1, 40]]},
        {"eos_token_id": [1, 9], "min_new_tokens": 3, "no_repeat_ngram_size": 2, "repetition_penalty": 1.3},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_survive_a_file(model, tmp_path, settings):
    """generation_config.json and back: the same settings, the same ids."""
    config = GenerationConfig(
        decoder_start_token_id=2, pad_token_id=0, max_length=12, **{"eos_token_id": 1, **settings}
    )
    config.save_pretrained(tmp_path)
    again = GenerationConfig.from_pretrained(tmp_path)
    assert again == config
    found = []
    for each in (config, again):
        torch.manual_seed(6)
        found.append(model.generate(SOURCE, generation_config=each))
    assert torch.equal(*found)
