"""Proxies and temporary folders that would end a start in a traceback."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from components import surroundings
from components.settings import SettingsError
from components.surroundings import ask_itself_directly, find_temporary_folder, leave_out_socks

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("env", [{}, {"NO_PROXY": "a.example"}, {"no_proxy": "a.example, localhost"}])
def test_the_page_is_never_asked_through_a_proxy(env):
    ask_itself_directly("192.0.2.7", env)
    names = env["no_proxy"].split(",")
    assert {"localhost", "127.0.0.1", "::1", "192.0.2.7"} <= set(names)
    assert env["NO_PROXY"] == env["no_proxy"]
    assert len(names) == len(set(names))
    ask_itself_directly("192.0.2.7", env)
    assert env["no_proxy"].split(",") == names


def test_no_proxy_at_all_stays_as_it_was():
    env = {"NO_PROXY": "*"}
    ask_itself_directly("127.0.0.1", env)
    assert env == {"NO_PROXY": "*"}


def test_a_socks_proxy_that_cannot_be_used_is_named_and_left_out(monkeypatch, capsys):
    monkeypatch.setattr(surroundings.importlib.util, "find_spec", lambda name: None)
    env = {"all_proxy": "socks5://127.0.0.1:9", "HTTPS_PROXY": "http://proxy:80"}
    leave_out_socks(env)
    assert env == {"HTTPS_PROXY": "http://proxy:80"}
    assert "all_proxy" in capsys.readouterr().err


def test_a_folder_that_is_not_writable_is_a_sentence(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SettingsError, match="GRADIO_TEMP_DIR"):
        find_temporary_folder({"GRADIO_TEMP_DIR": str(file / "below")})
    env = {"GRADIO_TEMP_DIR": str(tmp_path / "new" / "folder")}
    find_temporary_folder(env)
    assert (tmp_path / "new" / "folder").is_dir()


def test_a_temporary_folder_of_somebody_else_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    # As a file nobody can write below it, whoever runs the test.
    (tmp_path / "gradio").write_text("")
    env: dict[str, str] = {}
    find_temporary_folder(env)
    own = Path(env["GRADIO_TEMP_DIR"])
    assert own.parent == tmp_path
    assert stat.S_IMODE(own.stat().st_mode) == 0o700


def test_without_any_temporary_folder_there_is_a_sentence(monkeypatch):
    def nowhere() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(SettingsError, match="TMPDIR or GRADIO_TEMP_DIR"):
        find_temporary_folder({})


def test_the_app_says_so_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(tmp_path / "file" / "x")}
    ended = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "GRADIO_TEMP_DIR" in ended.stderr
