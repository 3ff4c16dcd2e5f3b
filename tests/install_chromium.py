"""See that there is a Chromium for the end-to-end tests; install one only when there is none.

A browser that is there already is used as it is (CHROMIUM=/path/to/it names another). On Debian one comes
from apt, as root or through sudo; elsewhere Playwright downloads its own build.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("chromium", "fonts-dejavu-core")


def find() -> str | None:
    """Path of a Chromium or Chrome on this machine; None when there is none outside Playwright's own folder.

    Raises:
        SystemExit: CHROMIUM is set and names no file.
    """
    wanted = os.environ.get("CHROMIUM")
    if wanted:
        if not Path(wanted).is_file():
            raise SystemExit(f"CHROMIUM={wanted} is no file; unset it or name a browser that is there")
        return wanted
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def is_debian(release: str = "/etc/os-release") -> bool:
    """Whether apt has a real Chromium here (Ubuntu's package of that name only points to a snap)."""
    try:
        lines = Path(release).read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    return fields.get("ID", "").strip('"') == "debian"


def apt_commands() -> list[list[str]]:
    """What installs the packages, through sudo unless this is root already."""
    before = [] if os.geteuid() == 0 else ["sudo"]
    install = ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]
    return [[*before, "apt-get", "update"], [*before, *install]]


def main() -> None:
    """Install a browser unless there is one; its path, or who brings it, is printed."""
    path = find()
    if path is None and is_debian():
        for command in apt_commands():
            print("+", *command, flush=True)
            subprocess.run(command, check=True)
        path = find()
    if path is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"], check=True)
    print(f"the end-to-end tests use {path or 'the Chromium that Playwright brings'}")


if __name__ == "__main__":
    main()
