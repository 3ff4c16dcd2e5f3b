"""However the weights change after a first answer, the next one is that of the changed weights."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from bertgen.generation.engines.choose import fused_serves
from bertgen.generation.engines.fused import transposed

# Two sources: with one beam the engine runs two rows and reads copies of every matrix, as for beams.
IDS = torch.tensor([[5, 6, 7, 8, 9], [10, 11, 12, 13, 14]])
ASKED = {"max_new_tokens": 6, "return_dict_in_generate": True, "output_scores": True, "eos_token_id": -1}


def answer(model, ids: torch.Tensor = IDS, **settings) -> tuple[list, torch.Tensor]:
    """The ids and the scores [T, R, V] of a run with the cache: the fused engine's, where it serves."""
    output = model.generate(ids, **ASKED, **settings)
    return output.sequences.tolist(), torch.stack(output.scores)


def assert_fresh(model, **settings) -> None:
    """What the fused engine writes is what the plain forward writes, which reads nothing but the modules."""
    ids, scores = answer(model, **settings)
    expected_ids, expected = answer(model, use_cache=False, **settings)
    assert ids == expected_ids
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-4)


def table(model) -> nn.Parameter:
    return model.decoder.lm_head.decoder.weight


def value_weight(model) -> nn.Parameter:
    return model.decoder.bert.encoder.layer[1].attention.self.value.weight


def optimizer_step(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model(IDS, labels=IDS).loss.backward()
    optimizer.step()


def data_far_away(model):
    table(model).data[-1, -1] += 60.0  # one value, the last of the largest table


def data_in_the_middle(model):
    table(model).data[201, 17] -= 60.0


def swapped_rows(model):
    weight = table(model).data
    weight[[100, 200]] = weight[[200, 100]]  # sums and norms stay what they were


def numpy_edit(model):
    value_weight(model).detach().numpy()[-1, -1] += 60.0


def numpy_edit_of_the_table(model):
    table(model).detach().numpy()[250, 3] += 60.0


def inference_mode_edit(model):
    with torch.inference_mode():
        table(model).detach()[300, 30] += 60.0


def other_storage(model):
    table(model).data = table(model).data.flip(0).clone()


def other_parameter(model):
    model.decoder.lm_head.decoder.weight = nn.Parameter(table(model).detach().flip(0).clone())


def loaded_state(model):
    state = {name: value.flip(0) for name, value in model.state_dict().items()}
    model.load_state_dict(state)


def replaced_linear(model):
    layer = model.decoder.bert.encoder.layer[0].intermediate
    new = nn.Linear(layer.dense.in_features, layer.dense.out_features)
    nn.init.constant_(new.weight, 0.01)
    layer.dense = new.eval()


def other_layers(model):
    model.decoder.bert.encoder.layer = model.decoder.bert.encoder.layer[::2].eval()
    model.decoder.config.num_hidden_layers = 2


def replaced_positions(model):
    model.decoder.bert.embeddings.position_embeddings.weight.data.mul_(-1)


CHANGES = [
    optimizer_step,
    data_far_away,
    data_in_the_middle,
    swapped_rows,
    numpy_edit,
    numpy_edit_of_the_table,
    inference_mode_edit,
    other_storage,
    other_parameter,
    loaded_state,
    replaced_linear,
    other_layers,
    replaced_positions,
]


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_the_next_answer_is_of_the_changed_weights(make_model, change, prepared, beams):
    """The numbers move with the change, and agree with the plain forward's; the fused engine still serves."""
    model = make_model(tie_word_embeddings=False)
    if prepared:
        model.prepare()
    _, before = answer(model, num_beams=beams)
    change(model)
    assert fused_serves(model.decoder)
    assert not torch.equal(answer(model, num_beams=beams)[1], before)
    for ids in (IDS, IDS[:1]):
        assert_fresh(model, ids=ids, num_beams=beams)


def test_a_change_between_two_steps_of_a_run_does_not_mix_models(make_model, tokenizer):
    """Two models at once, one changed while both write: the other's answer is its own."""
    one, other = make_model(seed=3), make_model(seed=4)
    expected = answer(other)
    answer(one)
    data_far_away(one)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda index: answer((one, other)[index % 2]), range(8)))
    assert all(ids == expected[0] for ids, _ in found[1::2])
    assert len({str(ids) for ids, _ in found[::2]}) == 1
    assert_fresh(one)


def test_pruned_heads_take_the_plain_engine(make_model):
    model = make_model()
    answer(model)
    model.decoder.prune_heads({0: [1]})
    assert not fused_serves(model.decoder)
    assert_fresh(model)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types(make_model, dtype):
    model = make_model()
    answer(model)
    model.to(dtype)
    data_far_away(model)
    scores = answer(model)[1]
    assert scores.dtype == dtype
    expected = answer(model, use_cache=False)[1]
    torch.testing.assert_close(scores[0], expected[0], rtol=0.1, atol=0.5)
    if dtype == torch.float64:
        assert_fresh(model)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_of_a_model_are_models_of_their_own(make_model, again):
    """A copy takes no prepared table along, and a change of the one does not reach the other."""
    model = make_model(tie_word_embeddings=False)
    model.prepare()
    ids, scores = answer(model)
    twin = again(model)
    assert twin.decoder.lm_head.decoder.__dict__["_prepared_copy"] is None
    assert answer(twin)[0] == ids
    data_far_away(twin)
    assert torch.equal(answer(model)[1], scores)
    assert not torch.equal(answer(twin)[1], scores)
    assert_fresh(twin)


def test_what_is_prepared_is_used_again_and_made_anew(make_model):
    """One copy for all runs while the table stands, another once a single value differs."""
    model = make_model()
    model.prepare()
    head = model.decoder.lm_head.decoder
    first = transposed(head)
    answer(model)
    assert transposed(head) is first
    data_in_the_middle(model)
    second = transposed(head)
    assert second is not first
    assert torch.equal(second.t(), table(model))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("layout", [lambda w: w, lambda w: w.t().contiguous().t(), lambda w: w[:, ::2]])
def test_a_copy_is_compared_to_its_last_value_however_the_matrix_lies(dtype, layout):
    """Rows that are no multiple of a machine word, transposed and strided ones."""
    torch.manual_seed(0)
    linear = nn.Linear(6, 5).to(dtype)
    linear.weight = nn.Parameter(layout(torch.randn(5, 6).to(dtype)))
    for place in ((0, 0), (2, 1), (-1, -1)):
        first = transposed(linear)
        assert transposed(linear) is first
        linear.weight.data[place] += 1
        second = transposed(linear)
        assert second is not first
        assert torch.equal(second, linear.weight.detach().t())
        assert second.is_contiguous()
    # Another parameter of the same values needs no other copy, one of another shape or type does.
    linear.weight = nn.Parameter(linear.weight.detach().clone())
    assert transposed(linear) is second
    for other in (linear.weight.detach()[:-1], linear.weight.detach().to(torch.float16)):
        linear.weight = nn.Parameter(other.clone())
        found = transposed(linear)
        assert (found.shape, found.dtype) == (other.t().shape, other.dtype)
        assert torch.equal(found, other.t())


def test_a_matrix_that_is_not_a_number_somewhere_is_copied_once():
    """Bit by bit NaN equals itself: the copy stays, and it holds what the matrix holds."""
    linear = nn.Linear(4, 4)
    linear.weight.data[1, 2] = float("nan")
    first = transposed(linear)
    assert transposed(linear) is first
    torch.testing.assert_close(first.t(), linear.weight.detach(), equal_nan=True, rtol=0, atol=0)


def test_a_prepared_model_is_saved_as_any_other(make_model, tmp_path):
    plain, prepared = make_model(), make_model()
    prepared.prepare()
    answer(prepared)
    for name, model in (("plain", plain), ("prepared", prepared)):
        model.save_pretrained(tmp_path / name)
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("plain", "prepared"))
    assert one == other
    assert set(prepared.state_dict()) == set(plain.state_dict())
