"""One file of a folder, of the local cache or of the Hub."""

from __future__ import annotations

import os
import warnings
from typing import Any

from bertgen.errors import Trouble
from bertgen.hub import errors, network
from bertgen.hub.names import COMMIT, check_hub_id, check_link, check_revision, inside, snapshot_folder


def cached_file(
    name_or_path: str | os.PathLike,
    filename: str,
    *,
    subfolder: str = "",
    revision: str | None = None,
    cache_dir: str | os.PathLike | None = None,
    local_files_only: bool = False,
    token: str | bool | None = None,
    force_download: bool = False,
) -> str | None:
    """Path of one file of a folder or Hub repository; None when the folder or repository lacks it.

    Args:
        name_or_path: a folder, or a Hub id such as `google/roberta2roberta_L-24_bbc`.
        filename: a relative path inside it, slashes forward.
        subfolder: a folder inside it.
        revision: branch, tag or commit of the repository.
        cache_dir: where downloads are kept; default HF_HUB_CACHE, or `hub` in HF_HOME.
        local_files_only: use the cache and never the network (so does HF_HUB_OFFLINE=1).
        token: access token; True or None: the stored one (HF_TOKEN, `hf auth login`), False: none.
        force_download: fetch again even when the cache holds it.

    Raises:
        OSError: no such folder or repository, no access, no connection and nothing in the cache, or a
            file name that points outside. The classes are those of `bertgen.hub.errors`.
        ValueError: force_download where the network is forbidden.
    """
    # 1) A folder that is here comes before any Hub.
    name = os.fspath(name_or_path)
    relative = inside(filename, subfolder)
    if os.path.isdir(name):
        path = os.path.join(name, *relative.split("/"))
        if not os.path.isfile(path):
            return None
        return check_link(path)
    if os.path.exists(name):
        raise errors.BadHubName("hub.is_file", name=name)
    # 2) Else it is a Hub id, or nothing.
    check_hub_id(name)
    check_revision(revision)
    forbidden = offline_by(local_files_only)
    if forbidden and force_download:
        raise Trouble("hub.refetch_forbidden", setting=forbidden)
    # 3) The cache alone, where the network is forbidden or cannot know better: a commit never changes.
    cache = network.cache_folder(cache_dir)
    if not force_download and (forbidden or COMMIT.fullmatch(revision or "")):
        path = _in_cache(name, relative, revision, cache)
        if path or forbidden:
            return path or _not_cached(name, revision, cache, forbidden)
    # 4) The Hub: a branch may have moved since.
    path = _from_hub(name, relative, revision, cache, token, force_download)
    return path and check_link(path)


def resolve(name_or_path: str | os.PathLike, *filenames: str, **hub_kwargs: Any) -> dict[str, str | None]:
    """Paths of several files, by name; None for those that are not there. Keywords as `cached_file`'s.

    Raises:
        OSError: as `cached_file`, or none of the files is there.
    """
    found = {filename: cached_file(name_or_path, filename, **hub_kwargs) for filename in filenames}
    if any(found.values()) or not filenames:
        return found
    # None of them: what is said depends on whether the whole of the place could be looked at.
    name, names = os.fspath(name_or_path), ", ".join(filenames)
    place = "/".join(filter(None, (name, hub_kwargs.get("subfolder"))))
    reason = cache_alone(name, **hub_kwargs)
    if reason:
        raise errors.HubError("hub.cache_lacks_files", place=place, names=names, reason=reason)
    raise errors.HubError("hub.lacks_files", place=place, names=names)


def modern_keywords(kwargs: dict[str, Any]) -> None:
    """Turns the reference's older Hub keywords in `kwargs` into today's, in place.

    `use_auth_token` becomes `token`, with a FutureWarning. `resume_download` needs nothing. `proxies` is
    taken and left unused, with a warning: huggingface_hub has no proxies for a single call any more.
    """
    # Downloads go on where they were in any case.
    kwargs.pop("resume_download", None)
    if kwargs.pop("proxies", None):
        warnings.warn(
            "proxies= has no effect: set HTTP_PROXY and HTTPS_PROXY (or huggingface_hub.set_client_factory)",
            stacklevel=3,
        )
    old = kwargs.pop("use_auth_token", None)
    if old is None:
        return
    warnings.warn("use_auth_token= is the older name of token=; use token=", FutureWarning, stacklevel=3)
    if kwargs.get("token") is not None:
        raise Trouble("hub.two_tokens")
    kwargs["token"] = old


def cache_alone(name: str, local_files_only: bool = False, **_: Any) -> str | None:
    """Why only the cache could be looked at for a name; None when the folder, or the Hub, was."""
    if os.path.isdir(name):
        return None
    return offline_by(local_files_only) or network.remembered_silence()


def offline_by(local_files_only: bool = False) -> str | None:
    """What forbids the network, as it is written in code or in the shell; None when nothing does."""
    if local_files_only:
        return "local_files_only=True"
    if network.is_offline():
        return "HF_HUB_OFFLINE"
    return None


def _in_cache(name: str, relative: str, revision: str | None, cache: str) -> str | None:
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(name, relative, cache_dir=cache, revision=revision)
    if not isinstance(path, str):  # None, or a mark that the repository has no such file
        return None
    return check_link(path)


def _not_cached(name: str, revision: str | None, cache: str, why: str) -> None:
    """Nothing: a file that a known snapshot lacks. An error where the cache knows no snapshot."""
    if snapshot_folder(name, revision, cache):
        return
    raise errors.HubUnreachable(
        "hub.not_cached",
        name=name,
        revision=revision or "main",
        cache=cache,
        endpoint=network.endpoint(),
        reason=why,
    )


def _from_hub(
    name: str, relative: str, revision: str | None, cache: str, token: str | bool | None, force_download: bool
) -> str | None:
    # huggingface_hub is imported by now only: a folder does without it
    from bertgen.hub import fetch, guard

    # Small files are read as plain HTTP, where their size is watched; weights may come over Xet.
    limit = guard.file_limit(relative)
    reading = guard.Reading(relative, limit, xet=limit is None)
    try:
        return fetch.ask(name, relative, revision, cache, token, reading, force_download)
    except errors.HubUnreachable as error:
        if error.key != "hub.silent":
            raise
        endpoint, reason = error.values["endpoint"], error.values["reason"]
    # Nobody answers: the cache's copy will do, but for somebody who wanted a fresh one.
    if force_download:
        raise errors.HubUnreachable(
            "hub.not_refetched", filename=relative, name=name, endpoint=endpoint, reason=reason
        )
    return _in_cache(name, relative, revision, cache) or _not_cached(name, revision, cache, reason)
