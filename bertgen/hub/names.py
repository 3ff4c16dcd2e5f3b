"""What names can be: Hub ids, revisions and relative paths, checked; and where the local cache keeps them."""

from __future__ import annotations

import os
import re

from bertgen.hub import errors

COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)


def inside(filename: str, subfolder: str | None = "") -> str:
    """`subfolder/filename`, refused when it could leave the folder."""
    parts = [part for part in f"{subfolder or ''}/{filename}".split("/") if part not in ("", ".")]
    absolute = filename.startswith("/") or (subfolder or "").startswith("/")
    # A colon is a drive, a backslash a separator elsewhere; what is refused there is refused here.
    if not parts or absolute or any(part == ".." or set(part) & set("\\:\0") for part in parts):
        raise errors.BadHubName("hub.bad_path", filename=filename, subfolder=subfolder)
    return "/".join(parts)


def check_hub_id(name: str) -> None:
    """Refuses what can be no Hub id, before it gets into an address or a path."""
    if not _HUB_ID.fullmatch(name) or ".." in name or "--" in name or len(name) > 96:
        raise errors.BadHubName("hub.bad_id", name=name)


def check_revision(revision: str | None) -> None:
    """Refuses what can be no branch, tag or commit."""
    if revision is None:
        return
    parts = str(revision).split("/")
    if any(part in ("", ".", "..") or re.search(r"[\s\\:\0?#]", part) for part in parts):
        raise errors.BadHubName("hub.bad_revision", revision=revision)


def repository_folder(name: str, cache: str) -> str:
    """Where the cache keeps a repository."""
    return os.path.join(cache, "models--" + name.replace("/", "--"))


def snapshot_folder(name: str, revision: str | None, cache: str) -> str | None:
    """Where the cache keeps a revision's files; None when it knows nothing of the revision."""
    root = repository_folder(name, cache)
    revision = revision or "main"
    reference = os.path.join(root, "refs", *revision.split("/"))
    # A branch's file holds the commit that it stood at; a commit is its own name.
    if os.path.isfile(reference):
        with open(reference, encoding="utf-8") as file:
            revision = file.read().strip()
    if not COMMIT.fullmatch(revision):
        return None
    folder = os.path.join(root, "snapshots", revision)
    if not os.path.isdir(folder):
        return None
    return folder


def check_link(path: str) -> str:
    """The path, refused when it is a link out of the cache that its snapshot belongs to."""
    cache, found, _ = os.path.abspath(path).replace(os.sep, "/").partition("/models--")
    if found and "/snapshots/" in path.replace(os.sep, "/"):
        repository = os.path.abspath(path)[: os.path.abspath(path).index("snapshots", len(cache))]
        # Blobs lie beside the snapshots; the library's shared store lies in the cache.
        roots = [os.path.realpath(cache), os.path.realpath(repository)]
        real = os.path.realpath(path)
        if not any(os.path.commonpath([real, root]) == root for root in roots):
            raise errors.BadHubName("hub.outside_link", path=path, real=real)
    return path
