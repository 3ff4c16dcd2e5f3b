"""stream_generate and trace_generate: what the page and every notebook rely on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from bertgen import BeamStep, GenerationConfig, TokenStep, stack_attentions, stream_generate, trace_generate

TEXTS = ["The sofa is red.", "naïve 😀 café", "x"]
MODES = {
    "greedy": {},
    "sample": {"do_sample": True, "temperature": 1.3},
    "sample_cut": {"do_sample": True, "top_k": 12, "top_p": 0.9},
    "beam": {"num_beams": 4},
    "beam_short": {"num_beams": 3, "length_penalty": -1.0, "early_stopping": True},
}


def settings(mode: str, **changes) -> GenerationConfig:
    tokens = {"decoder_start_token_id": 2, "pad_token_id": 0, "eos_token_id": 1}
    return GenerationConfig(**{"max_new_tokens": 24, **tokens, **MODES[mode], **changes})


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(4)


def run(model, tokenizer, text, mode, **options):
    """(steps, trace) of one run."""
    config = settings(mode, **options.pop("changes", {}))
    stream = stream_generate(model, tokenizer, text, config, generator=seeded(), **options)
    return list(stream), stream.trace


def tokens_of(steps) -> list[TokenStep]:
    return [step for step in steps if isinstance(step, TokenStep)]


def cases():
    return pytest.mark.parametrize(("mode", "text"), [(mode, text) for mode in MODES for text in TEXTS])


@cases()
def test_stream_joined_is_the_decoded_output(model, tokenizer, mode, text):
    steps, trace = run(model, tokenizer, text, mode)
    written = tokens_of(steps)
    assert "".join(step.text for step in written) == trace.text
    assert trace.text == tokenizer.decode(trace.target_ids.tolist(), skip_special_tokens=True)
    assert [step.token_id for step in written] == trace.target_ids.tolist()
    assert [step.index for step in written] == list(range(len(written)))
    assert tuple(step.piece for step in written) == trace.target_pieces


@cases()
def test_ids_are_those_of_generate(model, tokenizer, mode, text):
    _, trace = run(model, tokenizer, text, mode)
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    output = model.generate(ids, generation_config=settings(mode), generator=seeded())
    assert output[0, 1:].tolist() == trace.target_ids.tolist()


@cases()
def test_capture_changes_nothing_but_the_arrays(model, tokenizer, mode, text):
    with_rows, full = run(model, tokenizer, text, mode)
    without, bare = run(model, tokenizer, text, mode, capture=False)
    assert full.target_ids.tolist() == bare.target_ids.tolist()
    np.testing.assert_allclose(full.logprobs, bare.logprobs, atol=1e-5)
    assert bare.cross is bare.decoder_self is bare.encoder_self is None
    assert all(step.cross is None and step.decoder_self is None for step in tokens_of(without))
    assert [step.text for step in tokens_of(with_rows)] == [step.text for step in tokens_of(without)]


@cases()
def test_rows_are_distributions_of_the_documented_shape(model, tokenizer, mode, text):
    steps, trace = run(model, tokenizer, text, mode)
    count, source = len(trace.target_ids), len(trace.source_ids)
    assert trace.cross.shape == (3, 4, count, source)
    assert trace.decoder_self.shape == (3, 4, count, count)
    assert trace.encoder_self.shape == (2, 4, source, source)
    for array in (trace.cross, trace.decoder_self, trace.encoder_self):
        assert array.dtype == np.float16
        np.testing.assert_allclose(array.astype(np.float64).sum(-1), 1.0, atol=1e-3)
    assert not np.triu(trace.decoder_self, 1).any()
    for step in tokens_of(steps):
        np.testing.assert_array_equal(step.cross, trace.cross[:, :, step.index])
        np.testing.assert_array_equal(
            step.decoder_self, trace.decoder_self[:, :, step.index, : step.index + 1]
        )
        assert step.decoder_self.shape == (3, 4, step.index + 1)


@cases()
def test_maps_are_named_and_labelled(model, tokenizer, mode, text):
    """Row t is called what its query predicted; ``shift`` leads from there to the token that it had read."""
    _, trace = run(model, tokenizer, text, mode)
    maps, target, source = trace.maps, trace.target_pieces, trace.source_pieces
    assert set(maps) == {"cross", "decoder_self", "encoder_self"}
    assert all(getattr(trace, name) is found.weights for name, found in maps.items())
    assert all(found.measure == "raw" for found in maps.values())
    assert (maps["cross"].rows, maps["cross"].columns, maps["cross"].shift) == (target, source, 1)
    assert (maps["encoder_self"].rows, maps["encoder_self"].columns) == (source, source)
    assert maps["encoder_self"].shift == 0
    own = maps["decoder_self"]
    assert (own.rows, own.shift) == (target, 1)
    assert own.columns == ("<s>", *target[:-1])
    # The last column that a row may look at is the token that its query read.
    for index in range(len(target)):
        read = (trace.start_piece, *target)[index + 1 - own.shift]
        assert own.columns[index] == read
    assert run(model, tokenizer, text, mode, capture=False)[1].maps == {}


@cases()
@torch.no_grad()
def test_teacher_forcing_gives_the_same_numbers(model, tokenizer, mode, text):
    """The winner's ids through the uncached forward: log-probabilities and all rows agree.

    For beams this proves that rows follow the winning beam's ancestry.
    """
    _, trace = run(model, tokenizer, text, mode)
    ids = torch.tensor(trace.target_ids)[None]
    output = model(
        torch.tensor(trace.source_ids)[None],
        decoder_input_ids=torch.cat([torch.tensor([[2]]), ids[:, :-1]], 1),
        use_cache=False,
        output_attentions=True,
    )
    logprobs = output.logits[0].log_softmax(-1)
    np.testing.assert_allclose(trace.logprobs, logprobs.gather(1, ids[0][:, None])[:, 0], atol=1e-4)
    pairs = {
        "cross_attentions": trace.cross,
        "decoder_attentions": trace.decoder_self,
        "encoder_attentions": trace.encoder_self,
    }
    for name, found in pairs.items():
        expected = torch.stack([layer[0] for layer in output[name]])
        np.testing.assert_allclose(found.astype(np.float32), expected, atol=1e-3)
    for row, best in enumerate(trace.top_k):
        values, where = logprobs[row].topk(10)
        assert [token for token, _, _ in best] == where.tolist()
        np.testing.assert_allclose([value for _, _, value in best], values, atol=1e-4)


@cases()
def test_alternatives(model, tokenizer, mode, text):
    """Ten, best first, on the plain softmax's scale, whatever temperature and cut did."""
    steps, trace = run(model, tokenizer, text, mode)
    assert trace.top_k == tuple(step.top_k for step in tokens_of(steps))
    for step in tokens_of(steps):
        assert len(step.top_k) == 10
        values = [value for _, _, value in step.top_k]
        assert values == sorted(values, reverse=True)
        assert np.exp(values).sum() <= 1.0 + 1e-6
        assert [piece for _, piece, _ in step.top_k] == tokenizer.convert_ids_to_tokens(
            [token for token, _, _ in step.top_k]
        )
        inside = {token: value for token, _, value in step.top_k}
        if step.token_id in inside:
            assert inside[step.token_id] == pytest.approx(step.logprob, abs=1e-6)
        else:
            assert step.logprob <= values[-1]


@pytest.mark.parametrize("mode", MODES)
def test_generate_stacks_to_the_same_arrays(model, tokenizer, mode):
    """stack_attentions of generate's own output, any mode, is the trace's."""
    _, trace = run(model, tokenizer, TEXTS[0], mode)
    output = model.generate(
        torch.tensor(trace.source_ids)[None],
        generation_config=settings(mode),
        generator=seeded(),
        return_dict_in_generate=True,
        output_scores=True,
        output_attentions=True,
    )
    stacked = stack_attentions(output)
    count = len(trace.target_ids)
    cross, own = stacked["cross"][0], stacked["decoder_self"][0]
    np.testing.assert_allclose(trace.cross.astype(np.float32), cross[:, :, :count], atol=1e-3)
    np.testing.assert_allclose(trace.decoder_self.astype(np.float32), own[:, :, :count, :count], atol=1e-3)


@pytest.mark.parametrize("options", [{}, {"num_beams": 4, "num_return_sequences": 2}])
@torch.no_grad()
def test_stacked_rows_of_a_batch_follow_each_sequence(model, tokenizer, options):
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    output = model.generate(
        batch["input_ids"],
        attention_mask=batch["attention_mask"],
        generation_config=settings("greedy", **options),
        return_dict_in_generate=True,
        output_scores=True,
        output_attentions=True,
    )
    stacked = stack_attentions(output)
    copies = options.get("num_return_sequences", 1)
    sequences = output.sequences
    forced = model(
        batch["input_ids"].repeat_interleave(copies, 0),
        attention_mask=batch["attention_mask"].repeat_interleave(copies, 0),
        decoder_input_ids=sequences[:, :-1],
        use_cache=False,
        output_attentions=True,
    )
    for name, field in (("cross", "cross_attentions"), ("decoder_self", "decoder_attentions")):
        expected = torch.stack(forced[field], 1)
        for row, ids in enumerate(sequences[:, 1:].tolist()):
            length = ids.index(1) + 1 if 1 in ids else len(ids)
            found = stacked[name][row, :, :, :length, :]
            width = min(found.shape[-1], expected.shape[-1])
            torch.testing.assert_close(
                found[..., :width], expected[row, :, :, :length, :width], rtol=1e-4, atol=1e-5
            )


def test_stacking_needs_what_it_needs(model, tokenizer):
    ids = torch.tensor([tokenizer(TEXTS[0])["input_ids"]])
    plain = model.generate(ids, max_new_tokens=4, return_dict_in_generate=True)
    with pytest.raises(ValueError, match="output_attentions=True"):
        stack_attentions(plain)
    beams = model.generate(
        ids, max_new_tokens=4, num_beams=3, return_dict_in_generate=True, output_attentions=True
    )
    with pytest.raises(ValueError, match="output_scores=True"):
        stack_attentions(beams)


def test_beam_of_one_is_greedy(model, tokenizer):
    _, greedy = run(model, tokenizer, TEXTS[0], "greedy")
    _, one = run(model, tokenizer, TEXTS[0], "beam", changes={"num_beams": 1})
    assert greedy.target_ids.tolist() == one.target_ids.tolist()


@pytest.mark.parametrize("text", TEXTS)
def test_beam_drafts_then_the_winner(model, tokenizer, text):
    steps, trace = run(model, tokenizer, text, "beam")
    drafts = [step for step in steps if isinstance(step, BeamStep)]
    written = tokens_of(steps)
    assert steps == [*drafts, *written]
    assert [step.index for step in drafts] == list(range(len(drafts)))
    assert len(drafts) >= len(written)
    assert all(np.isfinite(step.score) and step.score <= 0 for step in drafts)
    total = trace.logprobs.sum() / len(written)
    assert total >= max(step.score for step in drafts[-1:]) - 1e-4


@pytest.mark.parametrize("mode", ["beam", "beam_short"])
@pytest.mark.parametrize("text", TEXTS)
def test_ancestry_leads_to_the_winner(model, tokenizer, mode, text):
    """Walking the tree along `winner` spells the output, and the parents are consistent."""
    _, trace = run(model, tokenizer, text, mode)
    tree, ids = trace.beam_ancestry, trace.target_ids.tolist()
    beams = MODES[mode]["num_beams"]
    assert tree.token_ids.shape == tree.parents.shape == tree.scores.shape
    assert tree.token_ids.shape[1] == beams
    assert len(tree.winner) == len(ids)
    assert tree.winner[0] == 0
    for step in range(len(ids) - 1):
        child = tree.winner[step + 1]
        assert tree.parents[step, child] == tree.winner[step]
        assert tree.token_ids[step, child] == ids[step]
    assert np.isfinite(tree.scores).all()
    assert (np.diff(tree.scores, axis=1) <= 1e-5).all()


def test_no_ancestry_without_beams(model, tokenizer):
    assert run(model, tokenizer, TEXTS[0], "greedy")[1].beam_ancestry is None


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("mode", ["greedy", "sample"])
def test_closing_early_keeps_what_there_was(make_model, tokenizer, mode, count):
    model = make_model(eos_bias=-50.0)
    whole = run(model, tokenizer, TEXTS[0], mode)[1]
    stream = stream_generate(model, tokenizer, TEXTS[0], settings(mode), generator=seeded())
    for _ in range(count):
        next(stream)
    assert stream.trace is None
    stream.close()
    trace = stream.trace
    assert trace.finish_reason == "stopped"
    assert trace.target_ids.tolist() == whole.target_ids.tolist()[:count]
    assert trace.cross.shape == (3, 4, count, len(trace.source_ids))
    np.testing.assert_array_equal(trace.cross, whole.cross[:, :, :count])
    assert trace.text == tokenizer.decode(trace.target_ids.tolist(), skip_special_tokens=True)
    with pytest.raises(StopIteration):
        next(stream)
    stream.close()
    assert stream.trace is trace


@pytest.mark.parametrize("count", [0, 1, 6])
def test_closing_a_beam_search_keeps_the_best_draft(make_model, tokenizer, count):
    model = make_model(eos_bias=-50.0)
    stream = stream_generate(model, tokenizer, TEXTS[0], settings("beam"))
    drafts = [next(stream) for _ in range(count)]
    stream.close()
    assert stream.trace.finish_reason == "stopped"
    assert len(stream.trace.target_ids) == count
    assert stream.trace.cross.shape[2] == count
    if drafts:
        assert stream.trace.text.startswith(drafts[-1].text)
        assert stream.trace.logprobs.sum() / count == pytest.approx(drafts[-1].score, abs=1e-4)


def test_closing_after_the_end_changes_nothing(model, tokenizer):
    stream = stream_generate(model, tokenizer, TEXTS[0], settings("greedy"))
    list(stream)
    trace = stream.trace
    stream.close()
    assert stream.trace is trace
    assert trace.finish_reason in ("eos", "length")


@pytest.mark.parametrize(
    "modes", [("greedy", "greedy"), ("sample", "sample"), ("beam", "greedy"), ("beam", "beam")]
)
def test_interleaved_streams_do_not_disturb_each_other(model, tokenizer, modes):
    """Two requests on one model, step by step in turn, give what each gives alone."""
    alone = [run(model, tokenizer, text, mode)[1] for text, mode in zip(TEXTS, modes, strict=False)]
    streams = [
        stream_generate(model, tokenizer, text, settings(mode), generator=seeded(), capture=index == 0)
        for index, (text, mode) in enumerate(zip(TEXTS, modes, strict=False))
    ]
    running = list(streams)
    while running:
        running = [stream for stream in running if next(stream, None) is not None]
    for stream, trace in zip(streams, alone, strict=True):
        assert stream.trace.target_ids.tolist() == trace.target_ids.tolist()
    np.testing.assert_array_equal(streams[0].trace.cross, alone[0].cross)
    assert streams[1].trace.cross is None


def test_parallel_requests_on_a_fresh_model(make_model, tokenizer):
    """Eight requests of all modes at once, the first ones ever on this model, give what each gives alone."""
    modes = ["greedy", "beam", "sample", "beam_short"] * 2
    jobs = list(zip(modes, TEXTS * 3, strict=False))
    alone = [run(make_model(), tokenizer, text, mode)[1] for mode, text in jobs]
    fresh = make_model()
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda job: run(fresh, tokenizer, job[1], job[0])[1], jobs))
    for one, other in zip(alone, together, strict=True):
        assert one.target_ids.tolist() == other.target_ids.tolist()
        np.testing.assert_allclose(one.cross, other.cross, atol=1e-3)


def test_steps_may_run_in_different_threads(model, tokenizer):
    """A server hands each step to any worker; no thread-local state may leak between them."""
    expected = run(model, tokenizer, TEXTS[0], "greedy")[1].target_ids.tolist()
    stream = stream_generate(model, tokenizer, TEXTS[0], settings("greedy"))
    found = []
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        pools = [one, other]
        while (step := pools[len(found) % 2].submit(next, stream, None).result()) is not None:
            found.append(step.token_id)
            assert torch.is_grad_enabled()
            assert not torch.is_inference_mode_enabled()
            assert not other.submit(torch.is_inference_mode_enabled).result()
    assert found == expected


def test_sampling_follows_its_generator(model, tokenizer):
    """The same seed writes the same, another seed something else; the global generator is left alone."""
    torch.manual_seed(1)
    before = torch.get_rng_state()
    config = settings("sample", temperature=3.0)
    ids = [
        trace_generate(
            model, tokenizer, TEXTS[0], config, generator=torch.Generator().manual_seed(seed)
        ).target_ids.tolist()
        for seed in (4, 4, 5)
    ]
    assert ids[0] == ids[1] != ids[2]
    assert torch.equal(torch.get_rng_state(), before)


def test_no_generator_means_the_global_one(model, tokenizer):
    config = settings("sample", temperature=3.0)
    found = []
    for seed in (6, 6, 7):
        torch.manual_seed(seed)
        found.append(trace_generate(model, tokenizer, TEXTS[0], config).target_ids.tolist())
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("mode", ["greedy", "beam"])
def test_multi_byte_characters_are_never_cut(scripted_model, tokenizer, mode):
    """Four byte pieces make one emoji: three empty texts, then the whole character."""
    wanted = tokenizer("ja 😀 é")["input_ids"]
    bytes_of = [index for index, token in enumerate(wanted) if tokenizer.sp_model.is_byte(token)]
    assert len(bytes_of) >= 4
    steps, trace = run(scripted_model([*wanted, 1]), tokenizer, "x", mode)
    written = tokens_of(steps)
    assert [step.token_id for step in written] == [*wanted, 1]
    assert trace.text == tokenizer.decode(wanted)
    assert "😀" in [step.text.strip() for step in written]
    assert not any("�" in step.text for step in steps)
    if mode == "beam":
        assert steps[0].text in trace.text


def test_a_run_that_ends_within_a_character(scripted_model, tokenizer):
    """What is held back comes out with the last token, as decode writes it."""
    wanted = tokenizer("ja 😀")["input_ids"][:-2]
    steps, trace = run(
        scripted_model(wanted), tokenizer, "x", "greedy", changes={"max_new_tokens": len(wanted)}
    )
    assert trace.finish_reason == "length"
    assert "".join(step.text for step in steps) == trace.text == tokenizer.decode(wanted)


def test_finish_reasons(scripted_model, tokenizer):
    wanted = tokenizer("The house is red.")["input_ids"]
    ended = trace_generate(scripted_model([*wanted, 1]), tokenizer, "x", settings("greedy"))
    assert ended.finish_reason == "eos"
    assert ended.target_ids[-1] == 1
    assert ended.text == "The house is red."
    cut = trace_generate(scripted_model([*wanted, 1]), tokenizer, "x", settings("greedy", max_new_tokens=3))
    assert cut.finish_reason == "length"
    assert cut.target_ids.tolist() == wanted[:3]


def test_trace_describes_its_run(model, tokenizer):
    stream = stream_generate(model, tokenizer, TEXTS[0], settings("sample"), generator=seeded())
    pieces = stream.source_pieces
    assert pieces == tuple(tokenizer.tokenize(TEXTS[0]))
    list(stream)
    trace = stream.trace
    assert trace.source_pieces == pieces
    assert trace.source_ids.tolist() == tokenizer(TEXTS[0])["input_ids"]
    assert len(trace.source_words) == len(pieces)
    assert len(trace.target_words) == len(trace.target_pieces) == len(trace.logprobs) == len(trace.top_k)
    assert trace.source_words[0] == 0
    assert list(trace.source_words) == sorted(trace.source_words)
    assert trace.settings["mode"] == "sample"
    assert trace.settings["seed"] == 4
    assert trace.settings["temperature"] == 1.3
    assert trace.start_piece == "<s>"
    assert 0 < trace.first_token_seconds <= trace.seconds
    assert isinstance(trace.logprobs, np.ndarray)
    assert trace != trace_generate(model, tokenizer, TEXTS[0], settings("greedy"))  # eq=False: identity


def test_trace_generate_is_the_stream_run_to_its_end(model, tokenizer):
    one = trace_generate(model, tokenizer, TEXTS[0], settings("greedy"))
    other = run(model, tokenizer, TEXTS[0], "greedy")[1]
    assert one.target_ids.tolist() == other.target_ids.tolist()
    np.testing.assert_array_equal(one.cross, other.cross)


def test_the_given_settings_are_left_alone(model, tokenizer):
    config = settings("beam")
    before = config.to_dict()
    trace_generate(model, tokenizer, TEXTS[0], config)
    assert config.to_dict() == before
    assert model.generation_config.max_new_tokens is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"temperature": 0.0, "do_sample": True}, "temperature"),
        ({"temperature": -1.0, "do_sample": True}, "temperature"),
        ({"top_p": -0.1, "do_sample": True}, "top_p"),
        ({"top_k": -3, "do_sample": True}, "top_k"),
        ({"num_beams": 0}, "num_beams"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"num_beams": 2, "early_stopping": "soon"}, "early_stopping"),
    ],
)
def test_bad_settings_name_what_is_wrong(model, tokenizer, changes, words):
    with pytest.raises(ValueError, match=words):
        trace_generate(model, tokenizer, TEXTS[0], settings("greedy", **changes))


@pytest.mark.parametrize("text", ["", None, 5])
def test_bad_texts(model, tokenizer, text):
    with pytest.raises(ValueError, match="text"):
        stream_generate(model, tokenizer, text, settings("greedy"))


def test_a_text_beyond_the_position_table(model, tokenizer):
    with pytest.raises(RuntimeError, match="96"):
        trace_generate(model, tokenizer, "house " * 200, settings("greedy"))


def test_an_output_beyond_the_position_table(make_model, tokenizer):
    model = make_model(eos_bias=-50.0)
    with pytest.raises(RuntimeError, match="96"):
        trace_generate(model, tokenizer, "x", settings("greedy", max_new_tokens=200))
