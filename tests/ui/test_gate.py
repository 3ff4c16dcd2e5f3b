"""The gate: host names, origins, closed routes, headers, and that a script which got in does not run."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from components import gate
from components.gate import Door, Gate, door_for, host_name
from components.settings import parse_settings

LOOPBACK = door_for("127.0.0.1")
PAGE = b"<html><script>let a = 1;</script><script src='x.js'></script><script type=module>b</script></html>"


async def page(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An app that answers every request with one document, as Gradio would, in two pieces."""
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"access-control-allow-origin", b"*")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE[:20], "more_body": True})
    await send({"type": "http.response.body", "body": PAGE[20:]})


def ask(door: Door, host: str, path: str = "/", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a request through the gate."""
    fields = [(b"host", host.encode("latin-1"))]
    fields += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": path, "headers": fields, "method": "GET"}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    # Nothing here waits for anything, so one push runs it to its end; a browser test may own the event loop.
    with pytest.raises(StopIteration):
        Gate(page, door)(scope, receive, send).send(None)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:7860",
        "LOCALHOST:1",
        "127.0.0.1:7860",
        "127.9.9.9",
        "[::1]:7860",
        "a.localhost",
    ],
)
def test_loopback_names_are_answered(host):
    assert ask(LOOPBACK, host)[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:7860",
        "192.168.1.5",
        "10.0.0.1:7860",
        "[2001:db8::5]:7860",
        "",
        "localhost:port",
        "localhost:99999999",
        "user@localhost",
        " localhost",
        "local host",
        "localhost/x",
        "localhost,evil.example",
    ],
)
def test_other_names_are_not(host):
    status, headers, body = ask(LOOPBACK, host)
    assert status == 421
    assert b"--allowed-hosts" in body
    assert headers["x-content-type-options"] == "nosniff"


def test_a_page_on_every_interface_knows_its_machine(monkeypatch):
    monkeypatch.setattr(gate.socket, "gethostname", lambda: "Lab-7")
    monkeypatch.setattr(gate.socket, "getfqdn", lambda: "lab-7.example.org")
    door = door_for("0.0.0.0")
    assert door.knows("lab-7:7860")
    assert door.knows("lab-7.example.org")
    assert door.knows("localhost")
    assert not door.knows("evil.example")
    assert door_for("192.0.2.7").knows("192.0.2.7:7860")


def test_allowed_hosts_and_the_space():
    settings = parse_settings(["--allowed-hosts", "Lab.example.org, other"], {})
    door = door_for(settings.host, settings.allowed_hosts)
    assert door.knows("lab.example.org:443")
    assert door.knows("other")
    assert not door.knows("example.org")
    assert door_for("127.0.0.1", ["*"]).knows("anything.example")
    space = door_for("0.0.0.0", (), "me-demo.hf.space")
    assert space.knows("me-demo.hf.space")
    assert (
        "frame-ancestors 'self' https://huggingface.co"
        in ask(space, "me-demo.hf.space")[1]["content-security-policy"]
    )


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:7860", 200),
        ("http://localhost:3000", 403),
        ("http://127.0.0.1:7860", 403),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
def test_other_pages_may_not_ask(origin, status):
    assert ask(LOOPBACK, "localhost:7860", "/gradio_api/queue/join", origin=origin)[0] == status


def test_a_proxys_name_may_ask_where_it_is_allowed():
    door = door_for("127.0.0.1", ["lab.example.org"])
    assert ask(door, "localhost:7860", origin="https://lab.example.org")[0] == 200
    assert ask(door, "localhost:7860", origin="https://other.example.org")[0] == 403


def test_no_header_lets_others_read_an_answer():
    assert not [name for name in ask(LOOPBACK, "localhost")[1] if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "below", ["upload", "upload?x=1", "proxy=http://a", "vibe-edit", "stream/x", "dev/reload"]
)
@pytest.mark.parametrize("root", ["", "/sub"])
def test_unused_routes_are_closed(root, below):
    assert ask(LOOPBACK, "localhost", f"{root}/gradio_api/{below}")[0] == 403


def test_the_documents_own_scripts_are_allowed_by_hash_and_no_others():
    _, headers, body = ask(LOOPBACK, "localhost")
    assert body == PAGE
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    for script in (b"let a = 1;", b"b"):
        digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
        assert f"'sha256-{digest}'" in policy["script-src"]
    assert policy["script-src"].count("sha256") == 2
    assert "unsafe-inline" not in policy["script-src"]
    assert policy["object-src"] == policy["frame-src"] == "'none'"
    assert policy["frame-ancestors"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_host_names():
    assert host_name("A.Example.:80") == "a.example"
    assert host_name("[::1]:80") == "::1"
    assert host_name("a b") is None


@pytest.mark.parametrize(
    ("host", "allowed"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("lab", False)]
)
def test_folders_and_the_hub_are_off_where_strangers_reach_the_page(host, allowed):
    settings = parse_settings(["--host", host], {})
    assert settings.allow_folders is settings.allow_hub is allowed
    asked = parse_settings(["--host", host, "--allow-folders", "--no-allow-hub"], {})
    assert asked.allow_folders
    assert not asked.allow_hub
