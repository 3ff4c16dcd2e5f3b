"""BertGen Explorer: `python app.py` opens the page; `python app.py --help` names the start options.

In a notebook: `from app import demo; demo.launch()`. In another app: `gr.mount_gradio_app(app, demo, "/x")`.
"""

from __future__ import annotations

import importlib.util
import os
import sys

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

# On ZeroGPU this has to be there before torch is: it puts off what needs a GPU.
if importlib.util.find_spec("spaces") is not None:
    import spaces  # noqa: F401

from components.settings import Settings, SettingsError, check_port, parse_settings
from components.surroundings import prepare

SCRIPT = __name__ == "__main__"


def start(argv: list[str]) -> tuple[Settings, object]:
    """The checked settings and the page. Ends the process with one line and code 2 when it cannot start."""
    try:
        settings = parse_settings(argv)
        prepare(settings.host)
        # Before the seconds that the imports take. A page that `gradio app.py` reads anew has its port.
        if SCRIPT and not read_anew():
            check_port(settings.host, settings.port)
        from components.page import build_app

        return settings, build_app(settings)
    except SettingsError as error:
        print(f"app.py: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def read_anew() -> bool:
    """Whether `gradio app.py` runs this file once more, beside the page that is being served."""
    reload = sys.modules.get("gradio.cli.commands.reload")
    return reload is not None and getattr(reload.reload_thread, "running_reload", False)


settings, demo = start(sys.argv[1:] if SCRIPT else [])

if SCRIPT:
    demo.launch(server_port=settings.port)
