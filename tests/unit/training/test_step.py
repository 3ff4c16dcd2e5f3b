"""Loss, dropout, schedule and weights of bertgen.training against their plain forms."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bertgen.training.data.batches import Example, collate
from bertgen.training.objectives.fused_loss import ROWS, linear_cross_entropy
from bertgen.training.objectives.pair import build_model, training_loss
from bertgen.training.optim.dropout import POOL_SIZE, PooledDropout, pool_dropout
from bertgen.training.optim.master_weights import AVERAGE_EVERY, MasterWeights
from bertgen.training.optim.schedule import learning_rate
from bertgen.training.recipe.tables import ModelSizes, Optimisation

SIZES = ModelSizes(
    hidden_size=16,
    intermediate_size=32,
    num_attention_heads=2,
    encoder_layers=2,
    decoder_layers=2,
    max_position_embeddings=16,
)
SETTINGS = Optimisation(
    batch_tokens=64, max_steps=10, warmup_steps=2, decay_steps=2, learning_rate=1e-2, average_decay=0.5
)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_fused_loss_equals_the_plain_one(smoothing: float) -> None:
    generator = torch.Generator().manual_seed(0)
    count = ROWS + 37  # more than one block, the last one short
    leaves = [torch.randn(shape, generator=generator) for shape in ((1, count, 8), (50, 8), (50,))]
    labels = torch.randint(0, 50, (1, count), generator=generator)
    labels[0, ::7] = -100
    ours, plain = ([leaf.clone().requires_grad_() for leaf in leaves] for _ in range(2))
    loss = linear_cross_entropy(*ours, labels, smoothing)
    expected = F.cross_entropy(F.linear(*plain).flatten(0, 1), labels.flatten(), label_smoothing=smoothing)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    (3 * loss).backward()
    (3 * expected).backward()
    for mine, theirs in zip(ours, plain, strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-5, atol=1e-5)


def test_fused_loss_needs_a_label() -> None:
    with pytest.raises(ValueError, match="nothing to learn from"):
        linear_cross_entropy(torch.ones(2, 3), torch.ones(4, 3), torch.ones(4), torch.tensor([-100, -100]))


def test_training_loss_is_the_models_own() -> None:
    model = build_model(SIZES, 40, seed=0).eval()
    batch = collate([Example((7, 8, 9), (5, 1)), Example((7,), (5, 6, 1))], pad_id=0, start_id=2)
    own = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.labels).loss
    torch.testing.assert_close(training_loss(model, batch, 0.0), own, rtol=1e-5, atol=1e-5)


def test_word_embeddings_are_one_parameter_while_training() -> None:
    model = build_model(SIZES, 40, seed=0)
    table = model.encoder.embeddings.word_embeddings.weight
    assert model.decoder.bert.embeddings.word_embeddings.weight is table
    assert model.decoder.lm_head.decoder.weight is table


def test_pooled_dropout_keeps_the_mean_and_repeats_with_the_step() -> None:
    module = nn.Sequential(nn.Dropout(0.2), nn.Dropout(0.0))
    (pool,) = pool_dropout(module, seed=1, dtype=torch.float32, device=torch.device("cpu"))
    assert isinstance(module[0], PooledDropout)
    values = torch.ones(1000, 100)
    pool.reseed(7)
    first, second = module(values), module(values)
    assert not torch.equal(first, second)
    assert set(first.unique().tolist()) == {0.0, 1.25}
    assert abs(first.mean().item() - 1) < 0.01
    pool.reseed(7)
    assert torch.equal(module(values), first)
    assert torch.equal(module.eval()(values), values)


def test_a_mask_larger_than_the_pool_is_made_of_slices() -> None:
    """Twelve heads on long rows: 4,096 positions of 128 tokens."""
    module = nn.Sequential(nn.Dropout(0.1))
    (pool,) = pool_dropout(module, seed=1, dtype=torch.bfloat16, device=torch.device("cpu"))
    shape = torch.Size([32, 12, 128, 128])
    assert shape.numel() > POOL_SIZE
    pool.reseed(3)
    first, second = pool.draw(shape), pool.draw(shape)
    assert first.shape == shape
    assert abs((first == 0).float().mean().item() - 0.1) < 0.001
    assert not torch.equal(first, second)
    half = first.flatten()[: POOL_SIZE // 2]
    assert not torch.equal(half, first.flatten()[POOL_SIZE // 2 : POOL_SIZE])
    pool.reseed(3)
    assert torch.equal(pool.draw(shape), first)


def test_schedule() -> None:
    rates = [learning_rate(step, 1.0, 4, 5, 20) for step in range(21)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[15:] == [1.0, 0.8, 0.6, 0.4, 0.2, 0.0]


def test_master_weights_step_as_adamw_does() -> None:
    plain = build_model(SIZES, 40, seed=0)
    model = copy.deepcopy(plain)
    weights = MasterWeights(model, SETTINGS, torch.float32)
    decayed = [value for value in plain.parameters() if value.ndim > 1]
    others = [value for value in plain.parameters() if value.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}],
        lr=1e-2,
        betas=(0.9, 0.98),
        eps=1e-9,
    )
    batch = collate([Example((7, 8, 9), (5, 1))], pad_id=0, start_id=2)
    for number in range(3):
        for each in (plain.eval(), model.eval()):
            training_loss(each, batch, 0.1).backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        weights.collect()
        weights.step(1e-2, number)
    for mine, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        # Steps are 1e-2 long; gradients that are zero but for rounding (key biases) are scaled up, noise too.
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


def test_running_average_and_copies() -> None:
    model = build_model(SIZES, 40, seed=0)
    before = [value.detach().clone() for value in model.parameters()]
    weights = MasterWeights(model, SETTINGS, torch.bfloat16)
    batch = collate([Example((7, 8, 9), (5, 1))], pad_id=0, start_id=2)
    for number in range(AVERAGE_EVERY):
        training_loss(model.eval(), batch, 0.1).backward()
        weights.collect()
        weights.step(1e-2, number)
    decay = min(0.5**AVERAGE_EVERY, AVERAGE_EVERY / (11 * AVERAGE_EVERY))
    other = build_model(SIZES, 40, seed=1)
    weights.copy_to(other, averaged=True)
    for start, master, found in zip(before, weights.masters, other.parameters(), strict=True):
        torch.testing.assert_close(found, start * decay + master * (1 - decay))
    weights.copy_to(other, averaged=False)
    for master, rounded, found in zip(weights.masters, model.parameters(), other.parameters(), strict=True):
        assert torch.equal(found, master)
        assert torch.equal(rounded, master.bfloat16())
