"""Make tests/golden/api: the reference's signatures, what it refuses, and its activations.

Needs transformers 4.37.2 (see make_goldens.py): `.venv-oracle/bin/python tests/golden/make_api_goldens.py`
"""

from __future__ import annotations

import inspect
import json
import math
import warnings
from pathlib import Path

import torch
import transformers
from transformers import BertGenerationConfig, BertGenerationEncoder, modeling_outputs
from transformers.activations import ACT2CLS, ACT2FN
from transformers.generation import utils as generation_outputs

FOLDER = Path(__file__).parent / "api"
CLASSES = (
    "BertGenerationConfig",
    "EncoderDecoderConfig",
    "GenerationConfig",
    "BertGenerationEncoder",
    "BertGenerationDecoder",
    "EncoderDecoderModel",
)
OUTPUTS = {
    "BaseModelOutput": modeling_outputs,
    "BaseModelOutputWithPastAndCrossAttentions": modeling_outputs,
    "CausalLMOutputWithCrossAttentions": modeling_outputs,
    "Seq2SeqLMOutput": modeling_outputs,
    "GenerateEncoderDecoderOutput": generation_outputs,
    "GenerateBeamEncoderDecoderOutput": generation_outputs,
    "GenerateDecoderOnlyOutput": generation_outputs,
    "GenerateBeamDecoderOnlyOutput": generation_outputs,
}
TINY = {
    "vocab_size": 67,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "max_position_embeddings": 40,
}
SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
)
NOT_SIZES = (0, -4, "24", 24.0, None, True, 1e99, [24])
OTHERS = {
    "hidden_size": (25,),
    "hidden_act": ("swoosh", 3, None),
    "hidden_dropout_prob": (1.5, -0.1, "0.1", None, math.nan),
    "attention_probs_dropout_prob": (2, "a"),
    "layer_norm_eps": ("a", None, -1.0),
    "initializer_range": (-1.0, "a", None),
    "pad_token_id": (67, -68, "0", 1.5),
    "position_embedding_type": ("rotary", 3, None),
    "chunk_size_feed_forward": ("a", 5),
    "is_decoder": ("false",),
    "use_cache": ("no",),
    "add_cross_attention": (True,),
    "pruned_heads": (5, {"9": [0]}, {"0": [9]}, {"a": [0]}, {"0": 1}),
    "id2label": (5, {"a": "b"}),
    "num_labels": ("x",),
    "to_dict": (3,),
    "use_return_dict": (1,),
}


def default_of(parameter: inspect.Parameter) -> str | None:
    """The default as text, None where there is none."""
    if parameter.default is inspect.Parameter.empty:
        return None
    return "a function" if callable(parameter.default) else repr(parameter.default)


def signature(function) -> list[list[str | None]]:
    """[name, kind, default] of each parameter."""
    parameters = inspect.signature(function).parameters.values()
    return [[p.name, p.kind.name, default_of(p)] for p in parameters if p.name != "self"]


def public_names(kind: type) -> dict[str, list | None]:
    """Public methods with their signatures, other public names with None; torch's own left out."""
    found = {"__init__": signature(kind.__init__)}
    for name, member in inspect.getmembers(kind):
        of_torch = hasattr(torch.nn.Module, name) and name != "forward"
        if name.startswith("_") or (issubclass(kind, torch.nn.Module) and of_torch):
            continue
        found[name] = signature(member) if inspect.isroutine(member) else None
    return found


def outcome(changes: dict) -> dict[str, str]:
    """Where the reference first stumbles over a config, and with which error."""
    try:
        stage = "config"
        config = BertGenerationConfig(**{**TINY, **changes})
        stage = "build"
        model = BertGenerationEncoder(config).eval()
        stage = "forward"
        model(torch.tensor([[3, 4, 5]]))
    except Exception as error:  # whatever it is, it is what is asked for
        return {"stage": stage, "error": type(error).__name__}
    return {"stage": "never", "error": ""}


def utilities() -> dict:
    """What the methods of models answer on two of the golden checkpoints."""
    joint = transformers.EncoderDecoderModel.from_pretrained(FOLDER.parent / "encdec_short")
    alone = transformers.BertGenerationDecoder.from_pretrained(FOLDER.parent / "decoder_lm")
    encoder = joint.encoder
    mask, square = torch.tensor([[1, 1, 0], [1, 0, 0]]), torch.ones(1, 2, 3)
    joint.config.vocab_size = 67  # 4.37.2 reads it from the joint config, which has none
    found = {
        "num_parameters": [
            [m.num_parameters(t, e) for t in (False, True) for e in (False, True)] for m in (joint, alone)
        ],
        "memory": [m.get_memory_footprint(return_buffers=False) for m in (joint, alone)],
        "operations": [m.floating_point_ops({"input_ids": mask}) for m in (joint, alone)],
        "inverted": [encoder.invert_attention_mask(x).tolist() for x in (mask, square)],
        "extended": [
            m.get_extended_attention_mask(mask, shape).tolist()
            for m, shape in ((encoder, (2, 3)), (alone, (2, 3)), (alone, (2, 2)), (alone, (2, 1)))
        ],
        "head_mask": [
            list(alone.get_head_mask(x, 2, chunked).shape)
            for x in (torch.ones(4), torch.ones(2, 4))
            for chunked in (False, True)
        ],
        "shifted": joint.prepare_decoder_input_ids_from_labels(torch.tensor([[5, 6, -100]])).tolist(),
        "scores": transition_scores(joint, alone),
    }
    return found


def transition_scores(joint, alone) -> list[dict]:
    """compute_transition_scores of greedy search and of beams that end at different times."""
    source = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 0], [33, 34, 0, 0]])
    cases = []
    for kind, ids in (("joint", source), ("alone", source[:, :1])):
        for beams in (1, 3):
            options = {"num_beams": beams, "num_return_sequences": beams, "max_length": 12}
            options |= {"output_scores": True, "return_dict_in_generate": True}
            model = joint if kind == "joint" else alone
            output = model.generate(ids, **options)
            for normalize in (False, True):
                scores = model.compute_transition_scores(
                    output.sequences, output.scores, output.get("beam_indices"), normalize
                )
                values = [[round(value, 6) for value in row] for row in scores.tolist()]
                cases.append(
                    {"kind": kind, "ids": ids.tolist(), "options": options, "normalize": normalize}
                    | {"sequences": output.sequences.tolist(), "values": values}
                )
    return cases


def main() -> None:
    if transformers.__version__ != "4.37.2":
        raise SystemExit(f"the goldens are those of transformers 4.37.2, this is {transformers.__version__}")
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    FOLDER.mkdir(exist_ok=True)
    signatures = {name: public_names(getattr(transformers, name)) for name in CLASSES}
    fields = {
        name: list(inspect.signature(getattr(module, name)).parameters) for name, module in OUTPUTS.items()
    }
    values = [({name: value}) for name in SIZES for value in NOT_SIZES]
    values += [({name: value}) for name, several in OTHERS.items() for value in several]
    refused = [{"changes": changes, **outcome(changes)} for changes in values]
    points = torch.linspace(-12, 12, 25)
    activations = {name: ACT2FN[name](points).tolist() for name in sorted(ACT2CLS)}
    for name, content in (
        ("signatures", {"classes": signatures, "outputs": fields}),
        ("refusals", {"base": TINY, "cases": refused}),
        ("utilities", utilities()),
        ("activations", {"points": points.tolist(), "values": activations}),
    ):
        lines = json.dumps(content, indent=None, separators=(", ", ": "))
        lines = lines.replace("}, ", "},\n").replace(']], "', ']],\n"').replace('], "', '],\n"')
        (FOLDER / f"{name}.json").write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
