"""The start options: flags over variables over defaults, and one line for what cannot be."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.context import build_context
from components.models.downloads import check_token
from components.settings import Settings, SettingsError, check_port, hub_id_parts, parse_settings
from tests.ui.conftest import save_checkpoint

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
    with pytest.raises(
        SettingsError, match=r"0\.04\sGB once loaded, more than the 0\.01\sGB.*--model-memory"
    ):
        build_context(Settings(device="cpu", model_memory=10_000_000))


def test_a_hub_id_is_a_checkpoint_too(tmp_path, monkeypatch):
    assert parse_settings(["--checkpoint", "me/mine"], {}).checkpoint_id == "me/mine"
    settings = parse_settings([], {"BERTGEN_CHECKPOINT": "me/mine@v1.0"})
    assert (settings.checkpoint, hub_id_parts(settings.checkpoint_id)) == (None, ("me/mine", "v1.0"))
    # A folder of that name wins.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "me" / "mine").mkdir(parents=True)
    (tmp_path / "me" / "mine" / "config.json").write_text("{}")
    settings = parse_settings(["--checkpoint", "me/mine"], {})
    assert (settings.checkpoint, settings.checkpoint_id) == (Path("me/mine"), "")


@pytest.mark.parametrize("text", ["/no/such", "./no/such", "~/no", "runs/own/checkpoint", "a b/c"])
def test_a_path_that_is_not_there_is_no_hub_id(text):
    with pytest.raises(SettingsError, match=r"does not exist.*Hub id"):
        parse_settings(["--checkpoint", text], {})


def test_the_checkpoint_of_a_hub_id_is_downloaded_and_opened_first(hub, tmp_path, model, tokenizer, capsys):
    hub.add("me/mine", save_checkpoint(tmp_path / "repository", model, tokenizer))
    ctx = build_context(Settings(device="cpu", checkpoint_id="me/mine"))
    first = ctx.first_checkpoint()
    assert (first.hub_id, ctx.registry.default("translate")) == ("me/mine", first)
    assert "of me/mine" in capsys.readouterr().err
    # What lies in the cache, as preload_from_hub leaves it, opens without the Hub too.
    hub.down = 503
    assert (
        build_context(Settings(device="cpu", checkpoint_id="me/mine")).first_checkpoint().hub_id == "me/mine"
    )


def test_a_hub_id_that_is_not_there_is_one_line(hub):
    with pytest.raises(SettingsError, match="me/mine"):
        build_context(Settings(device="cpu", checkpoint_id="me/mine"))


@pytest.mark.parametrize("path", ["explorer", "//evil.example", "ftp://a/b", "file:///x"])
def test_a_root_path_is_a_path_or_a_url(path):
    with pytest.raises(SettingsError, match="root-path"):
        parse_settings(["--root-path", path], {})


def test_a_root_path_that_is_a_url_names_an_allowed_host():
    settings = parse_settings([], {"GRADIO_ROOT_PATH": "https://Lab.example.org:8443/explorer/"})
    assert settings.root_path == "https://Lab.example.org:8443/explorer"
    assert settings.allowed_hosts == ("lab.example.org",)
    assert parse_settings(["--root-path", "/x/"], {}).root_path == "/x"
    assert parse_settings(["--root-path", "/"], {}).root_path == ""


def test_a_password_comes_from_its_variable_and_is_never_shown(monkeypatch):
    settings = parse_settings(["--auth", "class"], {"BERTGEN_PASSWORD": "of 2026"})
    assert settings.auth == ("class", "of 2026")
    assert "2026" not in repr(settings)
    monkeypatch.setattr("components.settings.sys.stdin", None)
    for argv in (["--auth", "class"], ["--auth", "class:secret"]):
        with pytest.raises(SettingsError, match="BERTGEN_PASSWORD") as refused:
            parse_settings(argv, {})
        assert "secret" not in str(refused.value)


def test_a_password_is_asked_for_at_a_terminal(monkeypatch):
    monkeypatch.setattr("components.settings.sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("components.settings.getpass.getpass", lambda prompt: "asked")
    assert parse_settings([], {"BERTGEN_AUTH": "class"}).auth == ("class", "asked")


def test_a_shared_page_is_a_strangers_page():
    settings = parse_settings(["--share"], {})
    assert (settings.private, settings.allow_folders, settings.allow_hub) == (False, False, False)
    assert parse_settings([], {"BERTGEN_SHARE": "1", "BERTGEN_ALLOW_HUB": "1"}).allow_hub
    assert parse_settings(["--host", "[::1]"], {}).host == "::1"


def test_a_shared_page_never_uses_the_operators_login():
    shared = parse_settings(["--share", "--allow-hub"], {})
    assert check_token(shared, "") is False
    assert check_token(Settings(), "") is None
