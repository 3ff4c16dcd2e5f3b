"""The start options: flags over variables over defaults, and one line for what cannot be."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from components.settings import Settings, SettingsError, check_port, parse_settings

ROOT = Path(__file__).resolve().parents[2]


def test_defaults_stay_on_this_machine():
    settings = parse_settings([], {})
    assert settings == Settings()
    assert (settings.host, settings.port, settings.allow_folders) == ("127.0.0.1", 7860, True)


def test_on_a_space_everybody_may_come_and_nobody_may_open_folders():
    settings = parse_settings([], {"SPACE_ID": "someone/explorer"})
    assert (settings.host, settings.allow_folders, settings.allow_hub) == ("0.0.0.0", False, False)
    assert parse_settings(["--allow-hub"], {"SPACE_ID": "someone/explorer"}).allow_hub


def test_flags_win_over_variables_and_those_over_gradios(tmp_path):
    env = {"GRADIO_SERVER_PORT": "1000", "GRADIO_SERVER_NAME": "::", "BERTGEN_DTYPE": "bfloat16"}
    assert parse_settings([], env).port == 1000
    assert parse_settings([], {**env, "BERTGEN_PORT": "2000"}).port == 2000
    settings = parse_settings(["--port", "3000", "--dtype", "float16"], {**env, "BERTGEN_PORT": "2000"})
    assert (settings.port, settings.host, settings.dtype) == (3000, "::", "float16")


def test_folders_can_be_allowed_either_way():
    assert not parse_settings(["--no-allow-folders"], {}).allow_folders
    assert not parse_settings([], {"BERTGEN_ALLOW_FOLDERS": "0"}).allow_folders
    assert parse_settings([], {"BERTGEN_ALLOW_FOLDERS": "yes", "SPACE_ID": "a/b"}).allow_folders


def test_hub_names_and_memory():
    settings = parse_settings(["--hub-names", "google/*, me/mine", "--model-memory", "1.5 GB"], {})
    assert settings.hub_names == ("google/*", "me/mine")
    assert settings.model_memory == 1_500_000_000
    assert parse_settings([], {"BERTGEN_MODEL_MEMORY": "500MB"}).model_memory == 500_000_000
    assert parse_settings(["--model-memory", "6"], {}).model_memory == 6_000_000_000
    assert not parse_settings([], {"BERTGEN_ALLOW_HUB": "0"}).allow_hub


@pytest.mark.parametrize(
    ("argv", "env", "words"),
    [
        (["--port", "x"], {}, "whole number"),
        (["--port", "70000"], {}, "between 1 and 65535"),
        (["--dtype", "int8"], {}, "float32, bfloat16, float16"),
        (["--checkpoint", "/no/such/folder"], {}, "does not exist"),
        ([], {"BERTGEN_ALLOW_FOLDERS": "maybe"}, "must be 1 or 0"),
        ([], {"BERTGEN_CONCURRENCY": "0"}, "between 1 and 64"),
        (["--model-memory", "much"], {}, "a size such as 6GB"),
        (["--model-memory", "0"], {}, "a size such as 6GB"),
    ],
)
def test_options_that_cannot_be(argv, env, words):
    with pytest.raises(SettingsError, match=words):
        parse_settings(argv, env)


def test_a_folder_without_a_config_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"config\.json"):
        parse_settings(["--checkpoint", str(tmp_path)], {})


def test_a_port_in_use_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"{port}.*--port"):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "meta"])
def test_a_device_that_is_not_there_is_named(device):
    from components.context import build_context

    with pytest.raises(SettingsError, match=device):
        build_context(Settings(device=device))


def test_the_app_ends_with_one_line_and_code_2():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BERTGEN_")}
    ended = subprocess.run(
        [sys.executable, "app.py", "--checkpoint", "/no/such/folder"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert "/no/such/folder does not exist" in ended.stderr


def test_too_little_memory_for_the_first_example_is_one_line():
    from components.context import build_context

    with pytest.raises(
        SettingsError, match=r"0\.04\sGB once loaded, more than the 0\.01\sGB.*--model-memory"
    ):
        build_context(Settings(device="cpu", model_memory=10_000_000))
