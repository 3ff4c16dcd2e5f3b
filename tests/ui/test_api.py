"""The public endpoint through gradio_client, and what else a stranger can reach."""

from __future__ import annotations

import copy
import json
import shutil
import urllib.error
import urllib.request

import brotli
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from bertgen import trace_generate
from components.api import generate_texts
from components.context import AppContext
from components.models.registry import Registry
from components.page import build_page, launch_options
from components.settings import Settings
from components.vendor import asset_url
from components.widgets.player.player import SCRIPTS


@pytest.fixture(scope="module")
def served(checkpoints):
    """(address, context) of a page on the loopback interface."""
    settings = Settings()
    ctx = AppContext(settings, Registry("cpu", "float32", checkpoints))
    demo = build_page(ctx)
    options = {**launch_options(settings), "server_port": None}
    _, url, _ = demo.launch(**options, prevent_thread_lock=True, quiet=True)
    yield url, ctx
    demo.close()


@pytest.fixture(scope="module")
def client(served):
    return Client(served[0], verbose=False)


def answer(ctx, text: str, **settings) -> str:
    """The same through the library."""
    loaded = ctx.registry.get("translate-tiny")
    config = copy.deepcopy(loaded.model.current_generation_config())
    config.update(max_new_tokens=128, **settings)
    return trace_generate(loaded.model, loaded.tokenizer, text, config).text.strip()


def test_generate_streams_the_text_so_far(client, served):
    job = client.submit(text="the cat", api_name="/generate")
    assert job.result(timeout=120) == answer(served[1], "the cat")
    assert job.outputs()[-1] == job.result()


def test_beam_search_and_checkpoint_by_name(client, served):
    result = client.predict(
        text="the cat", mode="beam", num_beams=3, checkpoint="translate-tiny", api_name="/generate"
    )
    assert result == answer(served[1], "the cat", num_beams=3)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"text": ""}, "is empty"),
        ({"text": "x" * 5001}, "at most 5,000 characters"),
        ({"text": ["a"]}, "must be a string"),
        ({"mode": "fast"}, "beam, greedy, sample"),
        ({"mode": "beam", "num_beams": 9}, "from 1 to 8"),
        ({"mode": "beam", "num_beams": 2.5}, "got 2.5"),
        ({"mode": "sample", "top_p": 0}, "above 0 and at most 1"),
        ({"mode": "sample", "temperature": -1}, "above 0"),
        ({"mode": "sample", "seed": None}, "seed must be"),
        ({"max_new_tokens": 257}, "from 1 to 256"),
        ({"task": "dance"}, "unknown task"),
        ({"checkpoint": "nothing"}, "unknown checkpoint"),
        ({"checkpoint": "split-tiny"}, "not for the task"),
    ],
)
def test_refused_values_come_back_with_reason_and_range(client, sent, words):
    with pytest.raises(AppError, match=words):
        client.predict(**{"text": "the cat", **sent}, api_name="/generate")


def test_values_that_the_mode_does_not_use_are_ignored(client, served):
    result = client.predict(text="the cat", mode="greedy", num_beams=99, top_p=-3, api_name="/generate")
    assert result == answer(served[1], "the cat")


def test_only_generate_is_public(served):
    with urllib.request.urlopen(f"{served[0]}gradio_api/info") as response:
        info = json.load(response)
    assert list(info["named_endpoints"]) == ["/generate"]
    assert info["unnamed_endpoints"] == {}
    parameters = {p["parameter_name"]: p for p in info["named_endpoints"]["/generate"]["parameters"]}
    defaults = {name: p.get("parameter_default") for name, p in parameters.items()}
    assert defaults == {
        "text": None,
        "task": "translate",
        "checkpoint": None,
        "mode": "greedy",
        "num_beams": 4,
        "temperature": 1.0,
        "top_k": 50,
        "top_p": 1.0,
        "max_new_tokens": 128,
        "seed": 0,
        "text2": None,
    }


def test_nothing_runs_past_the_queue(served):
    request = urllib.request.Request(
        f"{served[0]}gradio_api/run/generate", b'{"data": ["x"]}', {"content-type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    assert error.value.code == 404


def fetch(url: str, **headers: str):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as response:
        return response.read(), response.headers


def test_scripts_are_served_compressed_and_for_ever(served):
    path = SCRIPTS[0]
    plain, headers = fetch(served[0] + asset_url(path))
    packed, packed_headers = fetch(served[0] + asset_url(path), **{"accept-encoding": "br"})
    assert plain == path.read_bytes() == brotli.decompress(packed)
    assert packed_headers["content-encoding"] == "br"
    assert "immutable" in headers["cache-control"]
    assert headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("path", ["gradio_api/vendor/0/shared.js", "gradio_api/vendor/../../app.py"])
def test_nothing_else_is_served(served, path):
    with pytest.raises(urllib.error.HTTPError) as error:
        fetch(served[0] + path)
    assert error.value.code in (403, 404)


def test_a_page_without_a_checkpoint_still_opens(tmp_path):
    ctx = AppContext(Settings(), Registry("cpu", "float32", tmp_path))
    assert build_page(ctx) is not None


@pytest.fixture(scope="module")
def fusing(checkpoints, tmp_path_factory):
    """A context with a checkpoint for fusing, which reads at most 24 tokens."""
    root = shutil.copytree(checkpoints, tmp_path_factory.mktemp("fusing") / "all")
    folder = shutil.copytree(root / "split-tiny", root / "fuse-tiny")
    profile = json.loads((folder / "profile.json").read_text())
    (folder / "profile.json").write_text(json.dumps({**profile, "task": "fuse"}))
    return AppContext(Settings(), Registry("cpu", "float32", root))


def fuse(ctx, text, text2=None, task="fuse"):
    values = ("greedy", 4, 1.0, 50, 1.0, 12, 0)
    return list(generate_texts(ctx, text, task, None, values, text2))[-1]


def test_fusing_takes_one_text_or_two(fusing):
    assert fuse(fusing, "A b. C d.") == fuse(fusing, "A b.", "C d.")


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (("A b.",), "two sentences"),
        (("A b.", 3), "must be a string"),
        (("A b.", "C d.", "translate"), "text2 is for the task 'fuse' alone"),
        (
            ("A b c d e f g. " * 2, "A b c d e f g. " * 2),
            "tokens together and the model was trained on at most 24",
        ),
    ],
)
def test_what_cannot_be_fused_comes_back_with_the_reason(fusing, sent, words):
    with pytest.raises(ValueError, match=words):
        fuse(fusing, *sent)


def test_what_a_visitor_opened_is_not_the_apis(fusing, checkpoints, tmp_path):
    fusing.registry.open(shutil.copytree(checkpoints / "split-tiny", tmp_path / "mine"), session="me")
    with pytest.raises(ValueError, match="unknown checkpoint 'mine'"):
        list(generate_texts(fusing, "a", "split", "mine", ("greedy", 4, 1.0, 50, 1.0, 12, 0)))


def test_the_endpoint_says_what_it_takes(served):
    with urllib.request.urlopen(f"{served[0]}gradio_api/info") as response:
        info = json.load(response)["named_endpoints"]["/generate"]
    told = json.dumps(info)
    for word in ("summarize", "fuse", "split", "second sentence", "sentence by sentence"):
        assert word in told
