"""A name -> files: a local folder first, else a Hugging Face Hub repository.

`huggingface_hub` is imported only when a Hub name is asked for; a folder never touches the network.
Its own environment variables hold: HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_ENDPOINT, HF_TOKEN.
"""

from __future__ import annotations

import os
import re

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


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
        cache_dir: where downloads are kept; default huggingface_hub's own cache.
        local_files_only: use the cache and never the network (so does HF_HUB_OFFLINE=1).
        token: access token; True or None: the stored one, False: none.
        force_download: fetch again even when the cache holds it.

    Raises:
        OSError: no such folder or repository, no access, no connection and nothing in the cache, or a
            file name that points outside.
    """
    name = os.fspath(name_or_path)
    relative = _inside(filename, subfolder)
    if os.path.isdir(name):
        path = os.path.join(name, *relative.split("/"))
        return path if os.path.isfile(path) else None
    _check_hub_id(name)
    return _from_hub(name, relative, revision, cache_dir, local_files_only, token, force_download)


def resolve(
    name_or_path: str | os.PathLike,
    *filenames: str,
    subfolder: str = "",
    revision: str | None = None,
    cache_dir: str | os.PathLike | None = None,
    local_files_only: bool = False,
    token: str | bool | None = None,
    force_download: bool = False,
) -> dict[str, str | None]:
    """Paths of several files, by name; None for those that are not there. See `cached_file`.

    Raises:
        OSError: as `cached_file`, or none of the files is there.
    """
    found = {
        filename: cached_file(
            name_or_path,
            filename,
            subfolder=subfolder,
            revision=revision,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            token=token,
            force_download=force_download,
        )
        for filename in filenames
    }
    if filenames and not any(found.values()):
        place = f"{os.fspath(name_or_path)}/{subfolder}" if subfolder else os.fspath(name_or_path)
        raise OSError(f"{place!r} holds none of {', '.join(filenames)}; is it the right folder or name?")
    return found


def _inside(filename: str, subfolder: str = "") -> str:
    """`subfolder/filename`, refused when it could leave the folder."""
    parts = [part for part in f"{subfolder or ''}/{filename}".split("/") if part not in ("", ".")]
    absolute = filename.startswith("/") or (subfolder or "").startswith("/")
    if not parts or absolute or any(part == ".." or set(part) & set("\\:\0") for part in parts):
        raise OSError(f"{filename!r} (in {subfolder!r}) is refused: a plain relative path is needed")
    return "/".join(parts)


def _check_hub_id(name: str) -> None:
    if os.path.exists(name):
        raise OSError(f"{name!r} is a file; give the folder that holds it")
    if not _HUB_ID.fullmatch(name) or ".." in name or "--" in name:
        raise OSError(f"no folder {name!r} here, and it is no Hub id (those look like owner/name)")


def _from_hub(
    repo: str,
    filename: str,
    revision: str | None,
    cache_dir: str | os.PathLike | None,
    local_files_only: bool,
    token: str | bool | None,
    force_download: bool,
) -> str | None:
    import huggingface_hub as hf
    from huggingface_hub import errors

    try:
        return hf.hf_hub_download(
            repo,
            filename,
            revision=revision,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            token=token,
            force_download=force_download,
        )
    except errors.GatedRepoError as error:
        raise OSError(f"{repo!r} is gated: ask for access on its page and pass token=") from error
    except errors.RepositoryNotFoundError as error:
        raise OSError(
            f"{repo!r} is neither a folder here nor a Hub repository you can see; check the spelling, and "
            "pass token= (or log in with `hf auth login`) if it is private"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise OSError(f"{repo!r} has no revision {revision!r}; see its branches and tags") from error
    except errors.LocalEntryNotFoundError as error:  # no network, or offline on purpose
        if _is_cached(repo, revision, cache_dir):
            return None
        raise OSError(
            f"{repo!r} is no folder here, is not in the local cache and the Hub was not reached: connect "
            "once (unset HF_HUB_OFFLINE, local_files_only=False), or give the path of a local folder"
        ) from error
    except errors.EntryNotFoundError:
        return None
    except (errors.HfHubHTTPError, errors.HFValidationError) as error:
        raise OSError(f"the Hub refused {repo!r}: {error}") from error


def _is_cached(repo: str, revision: str | None, cache_dir: str | os.PathLike | None) -> bool:
    """Whether the cache holds a snapshot of this revision, complete or not."""
    from huggingface_hub import constants

    root = os.path.join(os.fspath(cache_dir or constants.HF_HUB_CACHE), "models--" + repo.replace("/", "--"))
    revision = revision or constants.DEFAULT_REVISION
    reference = os.path.join(root, "refs", *_inside(revision).split("/"))
    if os.path.isfile(reference):
        with open(reference, encoding="utf-8") as file:
            revision = file.read().strip()
    return os.path.isdir(os.path.join(root, "snapshots", *_inside(revision).split("/")))
