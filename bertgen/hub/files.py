"""One file of a folder, of the local cache or of the Hub."""

from __future__ import annotations

import os
import re
import warnings
from typing import Any

from bertgen.errors import Trouble
from bertgen.hub import errors, network

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


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
    name = os.fspath(name_or_path)
    relative = inside(filename, subfolder)
    if os.path.isdir(name):
        path = os.path.join(name, *relative.split("/"))
        return _within_snapshot(path) if os.path.isfile(path) else None
    if os.path.exists(name):
        raise errors.BadHubName("hub.is_file", name=name)
    check_hub_id(name)
    check_revision(revision)
    forbidden = "local_files_only=True" if local_files_only else offline_by()
    if forbidden and force_download:
        raise Trouble("hub.refetch_forbidden", setting=forbidden)
    cache = network.cache_folder(cache_dir)
    if not force_download and (forbidden or _COMMIT.fullmatch(revision or "")):
        path = _in_cache(name, relative, revision, cache)
        if path or forbidden:
            return path or _not_cached(name, revision, cache, forbidden)
    path = _from_hub(name, relative, revision, cache, token, force_download)
    return path and _within_snapshot(path)


def resolve(name_or_path: str | os.PathLike, *filenames: str, **where: Any) -> dict[str, str | None]:
    """Paths of several files, by name; None for those that are not there. Keywords as `cached_file`'s.

    Raises:
        OSError: as `cached_file`, or none of the files is there.
    """
    found = {filename: cached_file(name_or_path, filename, **where) for filename in filenames}
    if filenames and not any(found.values()):
        name, subfolder = os.fspath(name_or_path), where.get("subfolder")
        place = f"{name}/{subfolder}" if subfolder else name
        names, reason = ", ".join(filenames), cache_alone(name, **where)
        if reason:
            raise errors.HubError("hub.cache_lacks_files", place=place, names=names, reason=reason)
        raise errors.HubError("hub.lacks_files", place=place, names=names)
    return found


def modern_keywords(kwargs: dict[str, Any]) -> None:
    """Turns the reference's older Hub keywords in `kwargs` into today's, in place.

    `use_auth_token` becomes `token`, with a FutureWarning. `resume_download` needs nothing. `proxies` is
    taken and left unused, with a warning: huggingface_hub has no proxies for a single call any more.
    """
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


def where_looked(name: str, local_files_only: bool = False, **_: Any) -> str:
    """For messages about a missing file: a sentence when only the cache could be looked at, else ''."""
    why = cache_alone(name, local_files_only)
    if not why:
        return ""
    return f" Only what the local cache holds of it was looked at ({why}); connect and load it once"


def cache_alone(name: str, local_files_only: bool = False, **_: Any) -> str | None:
    """Why only the cache could be looked at for a name; None when the folder, or the Hub, was."""
    if os.path.isdir(name):
        return None
    if local_files_only:
        return "local_files_only=True"
    return offline_by() or network.remembered_silence()


def offline_by() -> str | None:
    """The words for what forbids the network; None when nothing does."""
    return "HF_HUB_OFFLINE" if network.is_offline() else None


def inside(filename: str, subfolder: str | None = "") -> str:
    """`subfolder/filename`, refused when it could leave the folder."""
    parts = [part for part in f"{subfolder or ''}/{filename}".split("/") if part not in ("", ".")]
    absolute = filename.startswith("/") or (subfolder or "").startswith("/")
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
    if os.path.isfile(reference):
        with open(reference, encoding="utf-8") as file:
            revision = file.read().strip()
    if not _COMMIT.fullmatch(revision):
        return None
    folder = os.path.join(root, "snapshots", revision)
    return folder if os.path.isdir(folder) else None


def _in_cache(name: str, relative: str, revision: str | None, cache: str) -> str | None:
    folder = snapshot_folder(name, revision, cache)
    path = folder and os.path.join(folder, *relative.split("/"))
    return _within_snapshot(path) if path and os.path.isfile(path) else None


def _within_snapshot(path: str) -> str:
    """The path, refused when it is a link out of the cache that its snapshot belongs to."""
    cache, found, _ = os.path.abspath(path).replace(os.sep, "/").partition("/models--")
    if found and "/snapshots/" in path.replace(os.sep, "/"):
        repository = os.path.abspath(path)[: os.path.abspath(path).index("snapshots", len(cache))]
        roots = [os.path.realpath(cache), os.path.realpath(repository)]
        real = os.path.realpath(path)
        if not any(os.path.commonpath([real, root]) == root for root in roots):
            raise errors.BadHubName("hub.outside_link", path=path, real=real)
    return path


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
    import huggingface_hub as hf
    from huggingface_hub import errors as hf_errors

    place = network.endpoint()
    try:
        url = hf.hf_hub_url(name, relative, revision=revision, endpoint=place)
        why = network.silence(url, ask_again=force_download)
        if why is None:
            return hf.hf_hub_download(
                name,
                relative,
                revision=revision,
                cache_dir=cache,
                token=token,
                force_download=force_download,
                endpoint=place,
            )
    except hf_errors.LocalEntryNotFoundError as error:
        cause = error.__cause__
        status = getattr(getattr(cause, "response", None), "status_code", 500)
        if status < 500 or isinstance(cause, hf_errors.FileMetadataError):
            network.raise_for(cause, name, revision)
        why = network.note_silence(f"{type(cause).__name__}: {cause}" if cause else str(error))
    except hf_errors.EntryNotFoundError:
        return None
    except ValueError as error:  # huggingface_hub's word for a forced download that failed
        network.raise_for(error.__cause__ or error, name, revision)
    except (hf_errors.HTTPError, hf_errors.XetDownloadError, OSError, RuntimeError) as error:
        network.raise_for(error, name, revision)
    if force_download:
        raise errors.HubUnreachable(
            "hub.not_refetched", filename=relative, name=name, endpoint=place, reason=why
        )
    return _in_cache(name, relative, revision, cache) or _not_cached(name, revision, cache, why)
