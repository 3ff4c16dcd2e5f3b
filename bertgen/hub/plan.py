"""Downloading a whole model on purpose: first what and how much, then the bytes, with progress and cancel."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bertgen.hub import errors, network
from bertgen.hub.files import offline_by
from bertgen.hub.names import COMMIT, check_hub_id, check_revision, inside, repository_folder, snapshot_folder

_TOKENIZER_FILES = {
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.json",
    "spiece.model",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
}
_WANTED = {"config.json", "generation_config.json", "profile.json", "README.md"} | _TOKENIZER_FILES
_DECODER_TOKENIZER = "decoder_tokenizer/"
# Forms of the weights, the best first: one file, or an index and the parts it stands for.
_WEIGHTS = [
    ("model.safetensors", None),
    ("model.safetensors.index.json", re.compile(r"model-[\w.-]*\.safetensors")),
    ("pytorch_model.bin", None),
    ("pytorch_model.bin.index.json", re.compile(r"pytorch_model-[\w.-]*\.bin")),
]
_FOREIGN_WEIGHTS = (".h5", ".msgpack", ".ckpt.index", ".onnx", ".ot", ".gguf")
_TIMEOUT = 10.0  # seconds for the one request


@dataclass(frozen=True)
class HubFile:
    """One file of a repository: its path, its size in bytes, and whether the cache holds it."""

    name: str
    size: int
    cached: bool


@dataclass(frozen=True)
class HubPlan:
    """What `download` will fetch: the files of one commit that a model needs, each once."""

    repo_id: str
    revision: str  # the commit
    files: tuple[HubFile, ...]
    asked: str = "main"  # the branch, tag or commit that was asked for

    @property
    def nbytes(self) -> int:
        """Size of all files."""
        return sum(file.size for file in self.files)

    @property
    def missing_bytes(self) -> int:
        """Size of what the cache does not hold yet."""
        return sum(file.size for file in self.files if not file.cached)


def plan_download(
    repo_id: str,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike | None = None,
) -> HubPlan:
    """Looks up, with one request, what a model's download takes: configs, tokenizers, one form of weights.

    Without a connection the plan is what the cache holds. Other frameworks' weights are never chosen.

    Raises:
        OSError: bad id, no such repository or revision, no access, no connection and nothing cached
            (see `bertgen.hub.errors`), or a repository without a config or without weights to read here.
    """
    check_hub_id(repo_id)
    check_revision(revision)
    # 1) What there is: the Hub's list of files, else what the cache holds.
    cache = network.cache_folder(cache_dir)
    reason = offline_by() or network.remembered_silence()
    listing = None
    if not reason:
        listing, reason = _ask(repo_id, revision, token)
    whole = listing is not None
    commit, sizes = listing or _from_cache(repo_id, revision, cache, reason)
    # 2) What a model needs of it, and which of that is here already.
    folder = os.path.join(repository_folder(repo_id, cache), "snapshots", commit)
    try:
        chosen = choose_files(repo_id, list(sizes))
    except errors.HubError as error:
        if whole:
            raise
        raise errors.HubUnreachable(
            "hub.partly_cached",
            repo=repo_id,
            held=", ".join(sizes) or "nothing",
            endpoint=network.endpoint(),
            reason=reason,
        ) from error
    files = tuple(
        HubFile(name, sizes[name], os.path.isfile(os.path.join(folder, *name.split("/")))) for name in chosen
    )
    return HubPlan(repo_id, commit, files, revision or "main")


def choose_files(repo_id: str, names: list[str]) -> list[str]:
    """Of a repository's files, those that a model needs, in their order; see `plan_download`."""
    if "config.json" not in names:
        raise errors.HubError("hub.no_config", repo=repo_id)
    wanted = {
        name
        for name in names
        if name in _WANTED
        or (name.startswith(_DECODER_TOKENIZER) and name.removeprefix(_DECODER_TOKENIZER) in _TOKENIZER_FILES)
    }
    # The best form of the weights that is there, and nothing of the others.
    for name, parts in _WEIGHTS:
        if name in names:
            wanted |= {name} | {part for part in names if parts and parts.fullmatch(part)}
            return [name for name in names if name in wanted]
    foreign = [name for name in names if name.endswith(_FOREIGN_WEIGHTS)]
    if foreign:
        raise errors.NoWeights("hub.foreign_weights", repo=repo_id, foreign=", ".join(foreign))
    raise errors.NoWeights("hub.no_weights", repo=repo_id)


def superseded(there: list[str], new: list[str]) -> list[str]:
    """Of the files in a repository, weights that would be loaded instead of those among `new`."""
    # For each form the files of it, there or new; the first form with a new file is the one to be loaded.
    forms = [
        [name for name in {*there, *new} if name == single or (parts and parts.fullmatch(name))]
        for single, parts in _WEIGHTS
    ]
    for place, form in enumerate(forms):
        if any(name in new for name in form):
            return sorted({name for better in forms[:place] for name in better} - set(new))
    return []


def download(
    plan: HubPlan,
    *,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> str:
    """Fetches what the plan still lacks into huggingface_hub's cache and returns the snapshot's folder.

    Args:
        plan: from `plan_download`, with the same `cache_dir`.
        token: as there.
        cache_dir: as there.
        progress: called with (bytes done, bytes in all), what was cached counted as done.
        cancelled: asked at every piece that arrives; True stops. What has arrived is kept, and a later
            download goes on from there.

    Raises:
        DownloadCancelled: `cancelled()` was True.
        OSError: no access, no connection, no space, or a file that arrived damaged.
    """
    from bertgen.hub import fetch

    # 1) Room on the disk.
    cache = network.cache_folder(cache_dir)
    # A file lies there twice until it is whole: in the library's own place, and in what is kept of it.
    twice = max((file.size for file in plan.files if not file.cached), default=0)
    fetch.check_space(plan.missing_bytes + twice, cache)
    # 2) File by file, each counted with all the others.
    tracker = fetch.Tracker(plan.nbytes, plan.nbytes - plan.missing_bytes, progress, cancelled)
    tracker.report()
    for file in plan.files:
        if not file.cached:
            fetch.fetch(plan.repo_id, file.name, file.size, plan.revision, token, cache, tracker)
    # 3) Fetched by commit, but asked for by branch: that name should find them too.
    if plan.asked != plan.revision:
        fetch.note_branch(plan.repo_id, plan.asked, plan.revision, cache)
    return os.path.join(repository_folder(plan.repo_id, cache), "snapshots", plan.revision)


def _ask(
    repo_id: str, revision: str | None, token: str | bool | None
) -> tuple[tuple[str, dict[str, int]] | None, str]:
    """(commit, size of each file), or None and why the Hub could not be had."""
    import huggingface_hub as hf
    from huggingface_hub import errors as hf_errors

    from bertgen.hub import guard

    api = hf.HfApi(endpoint=network.endpoint())
    try:
        with guard.reading(guard.Reading("the list of files", guard.API_LIMIT)):
            info = api.model_info(
                repo_id, revision=revision, files_metadata=True, token=token, timeout=_TIMEOUT
            )
        return _listing(info), ""
    except errors.HubError:
        raise
    except (hf_errors.HTTPError, hf_errors.HFValidationError, OSError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(error, hf_errors.HTTPError) and (status is None or status >= 500):
            return None, network.note_silence(f"{type(error).__name__}: {error}")
        network.raise_for(error, repo_id, revision)
    # huggingface_hub reads the answer as if it were a Hub's; whatever it stumbles over is none.
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise errors.HubError("hub.odd_listing", endpoint=network.endpoint(), repo=repo_id) from error


def _listing(info: Any) -> tuple[str, dict[str, int]]:
    """(commit, size of each file) of what the Hub said of a repository, which may be anything."""
    from bertgen.hub import guard

    if not COMMIT.fullmatch(info.sha):
        raise ValueError("a commit is 40 hexadecimal digits")
    sizes = {}
    for file in info.siblings or []:
        name, size = inside(file.rfilename), file.size
        if file.lfs:
            size = file.lfs.size
        if size is None:
            size = 0
        if type(size) is not int or not 0 <= size < 10**15:
            raise ValueError("a size is a number of bytes")
        # before anything is downloaded
        guard.Reading(name, guard.file_limit(name)).check_size(size)
        sizes[name] = size
    return info.sha, sizes


def _from_cache(repo_id: str, revision: str | None, cache: str, why: str) -> tuple[str, dict[str, int]]:
    folder = snapshot_folder(repo_id, revision, cache)
    if folder is None:
        raise errors.HubUnreachable(
            "hub.plan_not_cached", repo=repo_id, cache=cache, endpoint=network.endpoint(), reason=why
        )
    sizes = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            if os.path.isfile(path):
                sizes[os.path.relpath(path, folder).replace(os.sep, "/")] = os.path.getsize(path)
    return os.path.basename(folder), sizes
