"""BertGen Explorer: `python app.py` opens the page; `python app.py --help` names the start options."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from components.settings import Settings, SettingsError, check_port, parse_settings


def start(argv: list[str]) -> tuple[Settings, object]:
    """The checked settings and the page. Ends the process with one line and code 2 when it cannot start."""
    try:
        settings = parse_settings(argv)
        if __name__ == "__main__":
            check_port(settings.host, settings.port)  # before the seconds that the imports take
        from components.page import build_app

        return settings, build_app(settings)
    except SettingsError as error:
        print(f"app.py: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def main(settings: Settings, page: object) -> None:
    """Serves the page until it is interrupted."""
    from components.page import launch_options

    page.launch(**launch_options(settings))


settings, demo = start(sys.argv[1:] if __name__ == "__main__" else [])

if __name__ == "__main__":
    main(settings, demo)
