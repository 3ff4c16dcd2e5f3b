"""The page's words: every key that code names is in the table, every key of the table is used, and code holds
no sentence.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from bertgen.checkpoints.report import DROPPED, INITIALISED, LOADED, MISMATCHED, TIED
from components import strings
from components.models import reports
from components.refusal import Refusal
from components.strings import t, t_html

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "components"
TABLE = strings.table("en")
PLACES = {key.split(".")[0] for key in TABLE}
PYTHON = sorted(PAGE.rglob("*.py"))
SCRIPTS = sorted((PAGE / "widgets").rglob("*.js"))
TEMPLATES = sorted((PAGE / "widgets").rglob("*.html"))
ASKING = {"t", "t_html", "question"}  # functions whose first argument is a key
SENTENCE = re.compile(r"\b[^\W\d_]{2,} [^\W\d_]{2,} [^\W\d_]{2,}")
# Written for a terminal, for programmers, or no words at all.
SPARED = {
    # What the terminal is told: --help, where the page is, and the one line of a start that fails.
    "components/settings.py",
    "components/launching.py",
    "components/surroundings.py",
    "components/views/maps.py",  # errors of callers in Python
    "components/views/typedefs.py",  # writes a file
}
NO_SENTENCES = (
    "mr mrs ms dr prof",  # abbreviations, by which a text is cut into sentences
    "The cat is sleeping",  # the example of a checkpoint that has none: the model reads it, in any language
    "noopener noreferrer",  # what a link may not do
    "Noto Sans Mono",  # fonts
    "DejaVu Sans Mono",
)
NAMES = {"BertGen Explorer"}  # the page's own, the same in every language


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def pattern(node: ast.expr) -> str | None:
    """A string in code as a regular expression: what an f-string fills in may be anything."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(pattern(part) or ".+" for part in node.values)
    return None


def strings_of(module: ast.Module) -> list[ast.expr]:
    """All strings of a module; the pieces of an f-string are none of their own."""
    nodes = list(ast.walk(module))
    pieces = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    found = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    plain = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return found + [node for node in plain if id(node) not in pieces]


def called(node: ast.Call) -> str:
    """The last name of what is called: ``advice.Refusal(...)`` is "Refusal"."""
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def python_keys() -> dict[str, str]:
    """Keys that Python names, as regular expressions, and where."""
    found = {}
    for path in PYTHON:
        module = tree(path)
        # 1) What functions are asked for.
        calls = [node for node in ast.walk(module) if isinstance(node, ast.Call) and node.args]
        keys = [pattern(call.args[0]) for call in calls if called(call) in ASKING]
        # 2) Keys of refusals, wherever they stand: some go through a table.
        whole = [pattern(node) for node in strings_of(module)]
        keys += [key for key in whole if key.startswith(r"refuse\.")]
        found |= {key: name(path) for key in keys if key is not None}
    return found


def without_comments(script: str) -> str:
    return re.sub(r"/\*.*?\*/|(?<![:'\"])//[^\n]*", "", script, flags=re.DOTALL)


def literals(script: str) -> list[str]:
    """The string literals of a script: '...' and `...`, the latter with ${} for what is filled in."""
    texts = re.findall(r"'((?:[^'\\\n]|\\.)*)'|`([^`]*)`", without_comments(script))
    return [re.sub(r"\$\{[^}]*\}", "${}", quoted or template) for quoted, template in texts]


def script_keys() -> dict[str, str]:
    """Keys that scripts and templates name, as regular expressions, and where."""
    found = {}
    for path in SCRIPTS:
        for text in literals(path.read_text(encoding="utf-8")):
            if re.fullmatch(r"[a-z_]+(\.([a-z_]+|\$\{\}))+", text) and text.split(".")[0] in PLACES:
                found[re.escape(text).replace(re.escape("${}"), ".+")] = name(path)
    for path in TEMPLATES:
        for key in re.findall(r'data-t(?:-[\w-]+)?="([^"]+)"', path.read_text(encoding="utf-8")):
            found[re.escape(key)] = name(path)
    return found


USED = {**python_keys(), **script_keys()}


def test_the_table_is_flat_and_alone():
    assert [path.name for path in strings.FOLDER.iterdir()] == ["en.json"]
    pairs = json.loads((strings.FOLDER / "en.json").read_text(encoding="utf-8"), object_pairs_hook=list)
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys))
    assert all(isinstance(text, str) and text for _, text in pairs)
    for key, text in pairs:
        assert text.count("*") % 2 == 0, key
        assert not re.search(r"[{}]", re.sub(r"\{\w+\}", "", text)), key


@pytest.mark.parametrize("key", sorted(USED))
def test_every_key_that_is_used_exists(key):
    """A key is there itself, or has forms (.one, .other), parts (.why, .move) or choices below it."""
    whole = re.compile(rf"{key}(\.\w+)?")
    assert any(whole.fullmatch(known) for known in TABLE), f"{USED[key]} asks for {key}"


def test_every_refusal_has_a_reason_and_a_move():
    reasons = {key.removesuffix(".why") for key in TABLE if key.endswith(".why")}
    assert reasons
    for key in reasons:
        assert f"{key}.move" in TABLE


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_every_placeholder_is_given_a_value(path):
    """And no value is given in vain; calls with ** or a key that is made up as they go are left out."""
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        given = {keyword.arg for keyword in node.keywords}
        if called(node) not in ASKING | {"Refusal"} or None in given:
            continue
        key = node.args[0].value
        whole = re.compile(rf"{re.escape(key)}(\.(one|other|why|move))?")
        texts = [text for known, text in TABLE.items() if whole.fullmatch(known)]
        needed = {placeholder for text in texts for placeholder in re.findall(r"\{(\w+)\}", text)}
        assert given - {"n"} == needed - {"n"}, f"line {node.lineno}: {key}"


def test_the_load_report_names_whatever_may_become_of_a_weight():
    assert set(reports.ORDER) == {LOADED, TIED, INITIALISED, DROPPED, MISMATCHED}


def test_every_key_of_the_table_is_used():
    used = [re.compile(rf"{key}(\.[\w ]+)?") for key in USED]
    unused = [key for key in TABLE if not any(each.fullmatch(key) for each in used)]
    assert unused == []


def test_the_browser_has_what_its_scripts_ask_for_and_no_more_places():
    sent = json.loads(strings.script().partition("strings = ")[2].rstrip(";\n"))
    assert sent == {key: text for key, text in TABLE.items() if key.startswith(strings.IN_THE_BROWSER)}
    for key in script_keys():
        assert key.replace("\\", "").startswith(strings.IN_THE_BROWSER), key


# ---- no sentence in code


def docstrings(module: ast.Module) -> set[int]:
    """The ids of the nodes that are docstrings."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    found = set()
    for node in ast.walk(module):
        if isinstance(node, kinds) and ast.get_docstring(node) is not None:
            found.add(id(node.body[0].value))
    return found


def logged(module: ast.Module) -> set[int]:
    """The ids of everything inside the calls of a logger."""
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
    logs = [call for call in calls if ast.unparse(call.func).startswith("_LOG.")]
    return {id(part) for call in logs for part in ast.walk(call)}


def python_sentences(path: Path) -> list[str]:
    """Literals of three words or more; markup, and scripts inside of Python, are none."""
    module = tree(path)
    passed_over = docstrings(module) | logged(module)
    found = []
    for node in strings_of(module):
        if id(node) in passed_over:
            continue
        text = "".join(
            str(part.value) if isinstance(part, ast.Constant) else "0"
            for part in getattr(node, "values", [node])
        )
        text = re.sub(r"<[^>]*>", "<>", text)
        if SENTENCE.search(text) and "=>" not in text and not text.startswith(NO_SENTENCES):
            found.append(text)
    return found


@pytest.mark.parametrize("path", [path for path in PYTHON if name(path) not in SPARED], ids=name)
def test_no_sentence_stands_in_python(path):
    assert python_sentences(path) == []


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_no_label_stands_in_python(path):
    """Not even of one word: what Gradio shows of a component is asked for by key."""
    shown = {"label", "info", "placeholder", "title"}
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        words = [keyword.value for keyword in node.keywords if keyword.arg in shown]
        if called(node) in {"Button", "Tab", "Accordion"}:
            words += node.args[:1]
        literal = [word.value for word in words if isinstance(word, ast.Constant)]
        assert not any(literal), f"line {node.lineno}: {literal}"


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_no_sentence_stands_in_scripts(path):
    # The console alone sees errors of ours.
    script = re.sub(r"new Error\([^)]*\)", "", without_comments(path.read_text(encoding="utf-8")))
    assert [text for text in literals(script) if SENTENCE.search(text)] == []
    attributes = r"(?:'aria-label'|'aria-roledescription'|\btitle|\bplaceholder): ['`][^'`]"
    assert re.findall(attributes, script) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_no_word_stands_in_templates(path):
    html = path.read_text(encoding="utf-8")
    texts = {text.strip() for text in re.findall(r">([^<]+)", html)}
    assert {text for text in texts if re.search(r"[^\W\d_]", text)} <= NAMES
    assert re.findall(r'\s(?:aria-label|title|placeholder)="[^"]+"', html) == []


def test_no_word_stands_in_styles():
    styles = [*(ROOT / "assets" / "css").glob("*.css"), *PAGE.rglob("*.css")]
    assert styles
    for path in styles:
        assert re.findall(r"content:\s*['\"][^'\"]*[^\W\d_]", path.read_text(encoding="utf-8")) == [], path


def test_a_sentence_in_code_would_be_seen(tmp_path):
    """The checks themselves."""
    code = tmp_path / "bad.py"
    code.write_text(
        '"""A doc string here."""\nx = f"<p>There is {no} run to see</p>"\n_LOG.info("the run has ended")\n'
    )
    assert python_sentences(code) == ["<>There is 0 run to see<>"]
    assert [text for text in literals("x = 'it was not found'; // a comment on it") if SENTENCE.search(text)]


# ---- the functions


def test_texts_are_filled_and_an_unknown_key_is_an_error():
    assert t("hub.cancelled", how_far="1 MB").startswith("Cancelled at 1 MB.")
    with pytest.raises(KeyError):
        t("hub.no_such_text")
    with pytest.raises(KeyError):
        t("hub.cancelled")


def test_n_chooses_the_form():
    assert [t("player.tokens", n=n) for n in (0, 1, 2)] == ["0 tokens", "1 token", "2 tokens"]


def test_html_is_escaped_and_only_the_texts_own_stars_are_bold():
    said = t_html("report.opened", title="<i>*x*</i>")
    assert said.startswith("<b>&lt;i&gt;*x*&lt;/i&gt;</b> is open")
    assert t("report.opened", title="*x*").startswith("*x* is open")


def test_a_refusal_has_the_words_of_its_key():
    refusal = Refusal("refuse.busy", name="mini")
    assert (refusal.key, refusal.values) == ("refuse.busy", {"name": "mini"})
    assert str(refusal) == "there is no room for mini while other models are writing; try again in a moment"


def test_another_language_is_one_variable(monkeypatch, tmp_path):
    (tmp_path / "xx.json").write_text(json.dumps({**TABLE, "generate.run": "Los"}))
    monkeypatch.setattr(strings, "FOLDER", tmp_path)
    token = strings.LANGUAGE.set("xx")
    assert t("generate.run") == "Los"
    strings.LANGUAGE.reset(token)
    assert t("generate.run") == "Run"
