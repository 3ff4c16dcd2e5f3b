"""Uploading: push_to_hub for models, configs and tokenizers, and save_pretrained(..., push_to_hub=True)."""

from __future__ import annotations

import functools
import inspect
import os
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bertgen.errors import Trouble
from bertgen.hub import errors, network
from bertgen.hub.files import cached_file, modern_keywords, offline_by
from bertgen.hub.names import check_hub_id
from bertgen.hub.plan import superseded

CARD = "README.md"
_KINDS = ("Model", "Config", "Tokenizer")  # how the reference words its commits: "Upload model"


class PushToHubMixin:
    """What can be saved to a folder and so to a Hub repository."""

    def push_to_hub(
        self,
        repo_id: str,
        use_temp_dir: bool | None = None,
        commit_message: str | None = None,
        private: bool | None = None,
        token: bool | str | None = None,
        max_shard_size: int | str | None = "5GB",
        create_pr: bool = False,
        safe_serialization: bool = True,
        revision: str | None = None,
        commit_description: str | None = None,
        tags: list[str] | None = None,
        **deprecated_kwargs: Any,
    ) -> str:
        """Saves this object and uploads the files; makes the repository, and the branch, when missing.

        Args:
            repo_id: `owner/name`, or `name` for one of the token's own user.
            use_temp_dir: save to a folder that is removed afterwards; by default so unless a folder called
                `name` is here, which is then saved to, and only the files that saving changed go up.
            commit_message: default "Upload model" (or config, tokenizer).
            private: whether a repository that is made now is private.
            token: with write access; True or None: the stored one (HF_TOKEN, `hf auth login`).
            max_shard_size: models only, as in save_pretrained.
            create_pr: propose the files as a pull request instead of committing them.
            safe_serialization: models only, as in save_pretrained.
            revision: the branch to commit to; made from main when it is new.
            commit_description: text below the message.
            tags: tags for the model card; a plain card is written where there is none.
            **deprecated_kwargs: use_auth_token, organization, repo_url, ignore_metadata_errors.

        Returns:
            The commit's address; a string with attributes such as `oid` and `pr_url`.

        Raises:
            OSError: no token, not allowed, or no connection; see `bertgen.hub.errors`.
        """
        repo_id, token, forgiving = _current_arguments(repo_id, token, deprecated_kwargs)
        # 1) The repository, before anything is saved: most pushes that fail, fail here.
        repository = _create_repository(repo_id, private, token)
        target = _Target(repository, token, revision, create_pr, commit_description)
        message, card = commit_message or _message(self), _Card(tags, forgiving)
        folder = repo_id.split("/")[-1]
        # 2) Into a folder that is gone afterwards, all of which goes up ...
        if use_temp_dir or (use_temp_dir is None and not os.path.isdir(folder)):
            with tempfile.TemporaryDirectory() as folder:
                self._save_for_hub(folder, max_shard_size, safe_serialization)
                return _upload(folder, {}, target, message, card)
        # ... or into the one that is here, of which what saving changed goes up.
        before = _stamps(folder)
        self._save_for_hub(folder, max_shard_size, safe_serialization)
        return _upload(folder, before, target, message, card)

    def _save_for_hub(self, folder: str, max_shard_size: int | str, safe_serialization: bool) -> None:
        """Models have more to say about it."""
        self.save_pretrained(folder)


def pushes(save_pretrained: Callable) -> Callable:
    """Gives a save_pretrained the keywords push_to_hub, repo_id, commit_message, private and token.

    With `push_to_hub=True` the files that saving wrote or changed go to `repo_id` (default: the folder's
    name, in the token's own user).
    """

    @functools.wraps(save_pretrained)
    def save(self: Any, save_directory: str | os.PathLike, *args: Any, **kwargs: Any) -> Any:
        modern_keywords(kwargs)
        options = {key: kwargs.pop(key) for key in _PUSH_DEFAULTS if key in kwargs}
        if not options.get("push_to_hub"):
            return save_pretrained(self, save_directory, *args, **kwargs)
        # 1) the repository, 2) the files, 3) those of them that saving changed go up
        folder = os.fspath(save_directory)
        token = options.get("token")
        name = options.get("repo_id") or os.path.basename(os.path.abspath(folder))
        target = _Target(_create_repository(name, options.get("private"), token), token)
        before = _stamps(folder)
        result = save_pretrained(self, save_directory, *args, **kwargs)
        _upload(folder, before, target, options.get("commit_message") or _message(self), None)
        return result

    # The signature shows the five keywords, before the **kwargs that take them.
    signature = inspect.signature(save_pretrained)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    rest = [p for p in signature.parameters.values() if p.kind is inspect.Parameter.VAR_KEYWORD]
    more = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default)
        for key, default in _PUSH_DEFAULTS.items()
    ]
    save.__signature__ = signature.replace(parameters=[*own, *more, *rest])
    return save


_PUSH_DEFAULTS = {
    "push_to_hub": False,
    "repo_id": None,
    "commit_message": None,
    "private": None,
    "token": None,
}


@dataclass(frozen=True)
class _Target:
    """Where a commit goes, and how."""

    repository: str
    token: bool | str | None
    revision: str | None = None
    create_pr: bool = False
    description: str | None = None


@dataclass(frozen=True)
class _Card:
    """What the model card must say."""

    tags: list[str] | None
    forgiving: bool


def _current_arguments(
    repo_id: str | None, token: bool | str | None, older: dict[str, Any]
) -> tuple[str, bool | str | None, bool]:
    """(id, token, whether a bad card is forgiven) of push_to_hub's arguments with the older ones."""
    older = {"token": token, **older}
    modern_keywords(older)
    token = older.pop("token")
    address, owner = older.pop("repo_url", None), older.pop("organization", None)
    forgiving = older.pop("ignore_metadata_errors", False)
    if older:
        raise TypeError(f"push_to_hub takes no {', '.join(map(repr, older))}")
    if address is not None:
        warnings.warn("repo_url= is deprecated; give repo_id", FutureWarning, stacklevel=3)
        if repo_id is not None:
            raise Trouble("hub.two_names")
        repo_id = address.removeprefix(network.endpoint() + "/")
    if owner is not None:
        warnings.warn("organization= is deprecated; give repo_id='owner/name'", FutureWarning, stacklevel=3)
        if not repo_id.startswith(owner):
            repo_id = f"{owner}/{repo_id.split('/')[-1]}"
    return repo_id, token, forgiving


def _message(thing: Any) -> str:
    name = type(thing).__name__
    for kind in _KINDS:
        if kind in name:
            return f"Upload {kind.lower()}"
    return f"Upload {name}"


def _api() -> Any:
    import huggingface_hub as hf

    return hf.HfApi(endpoint=network.endpoint(), library_name="bertgen")


def _create_repository(repo_id: str, private: bool | None, token: bool | str | None) -> str:
    """Makes the repository unless it is there; returns its whole id."""
    from huggingface_hub import errors as hf_errors
    from huggingface_hub.utils import build_hf_headers

    # 1) What can be said without the network: the name, offline mode, a token.
    check_hub_id(repo_id)
    forbidden = offline_by()
    if forbidden:
        raise errors.HubUnreachable("hub.upload_offline", repo=repo_id, setting=forbidden)
    try:
        has_token = "authorization" in build_hf_headers(token=token)
    except hf_errors.LocalTokenNotFoundError:  # token=True, and none is stored
        has_token = False
    if not has_token:
        raise errors.HubError("hub.upload_token")
    # 2) Whether the Hub answers: huggingface_hub would try for a long time.
    why = network.silence(f"{network.endpoint()}/api/models/{repo_id}", ask_again=True)
    if why:
        raise errors.HubUnreachable(
            "hub.upload_unreached", repo=repo_id, endpoint=network.endpoint(), reason=why
        )
    return _guarded(lambda: _create(repo_id, private, token), repo_id, None)


def _create(repo_id: str, private: bool | None, token: bool | str | None) -> str:
    from huggingface_hub import errors as hf_errors

    try:
        return _api().create_repo(repo_id, token=token, private=private, exist_ok=True).repo_id
    except hf_errors.HFValidationError:
        raise
    except ValueError:
        # Somebody else's repository, which is there: with an HF_ENDPOINT that was set after its import
        # huggingface_hub cannot read its own address of it (2.4).
        return repo_id


def _guarded(action: Callable[[], Any], repo: str, revision: str | None) -> Any:
    """The action's result; huggingface_hub's errors as ours."""
    from huggingface_hub import errors as hf_errors

    from bertgen.hub import guard

    try:
        with guard.reading(guard.Reading("the answer", guard.API_LIMIT)):
            return action()
    except errors.HubError:
        raise
    except (hf_errors.HTTPError, hf_errors.HFValidationError) as error:
        network.raise_for(error, repo, revision)
    except RuntimeError as error:  # a large file's upload failed: the reason is the cause
        network.raise_for(error.__cause__ or error, repo, revision)


def _stamps(folder: str) -> dict[str, tuple[int, int]]:
    """(time of change, size) of every file, by relative path with forward slashes."""
    stamps = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            state = os.stat(path)
            relative = os.path.relpath(path, folder).replace(os.sep, "/")
            stamps[relative] = (state.st_mtime_ns, state.st_size)
    return stamps


def _upload(
    folder: str,
    before: dict[str, tuple[int, int]],
    target: _Target,
    message: str,
    card: _Card | None,
) -> str:
    """Commits the files of `folder` that are not as `before`, and the card; returns the commit's address."""
    import huggingface_hub as hf

    api, repo, token = _api(), target.repository, target.token
    # 1) The files that saving wrote. One commit takes them, the card and what goes: upload_folder would
    #    need one for each.
    changed = [name for name, stamp in _stamps(folder).items() if before.get(name) != stamp]
    operations: list[Any] = [
        hf.CommitOperationAdd(path_in_repo=name, path_or_fileobj=os.path.join(folder, *name.split("/")))
        for name in sorted(changed)
        if card is None or name != CARD
    ]
    # 2) The branch, and the card as it stands there.
    branch = target.revision
    if branch is not None and not target.create_pr:
        _guarded(lambda: api.create_branch(repo, branch=branch, token=token, exist_ok=True), repo, branch)
    if card is not None:
        text = _card_text(folder, target, card)
        if text is not None:
            operations.append(hf.CommitOperationAdd(path_in_repo=CARD, path_or_fileobj=text.encode()))
    # 3) Weights in another form would be loaded instead of the new ones: they go.
    info = _guarded(lambda: api.model_info(repo, revision=branch, token=token), repo, branch)
    there = [file.rfilename for file in info.siblings or []]
    operations += [hf.CommitOperationDelete(path_in_repo=name) for name in superseded(there, changed)]
    return _guarded(
        lambda: api.create_commit(
            repo,
            operations,
            commit_message=message,
            commit_description=target.description,
            token=token,
            revision=branch,
            create_pr=target.create_pr,
        ),
        repo,
        branch,
    )


def _card_text(folder: str, target: _Target, card: _Card) -> str | None:
    """The card to upload: the repository's, else the folder's, else a plain one; with the tags. None when
    the repository's own needs no change."""
    import huggingface_hub as hf

    there = cached_file(target.repository, CARD, revision=target.revision, token=target.token)
    source = there
    if source is None and os.path.isfile(os.path.join(folder, CARD)):
        source = os.path.join(folder, CARD)
    if source is None:
        head = hf.ModelCardData(library_name="transformers", tags=list(card.tags or [])).to_yaml()
        name = target.repository.split("/")[-1]
        return f"---\n{head}\n---\n\n# {name}\n\nWritten by bertgen, in the layout of transformers.\n"
    # The card's own words stay; tags that it lacks are added to its head.
    loaded = hf.ModelCard.load(source, ignore_metadata_errors=card.forgiving)
    have = list(loaded.data.tags or [])
    new = [tag for tag in card.tags or [] if tag not in have]
    if new:
        loaded.data.tags = have + new
    elif there:
        return None
    return str(loaded)
