"""The Hub's address, the local cache, and whether the Hub answers at all.

huggingface_hub reads its environment variables when it is first imported, which other libraries do early.
HF_ENDPOINT, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE are therefore looked up here at every call, so that
setting them in a running notebook works too. HF_TOKEN needs no such care.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from typing import NoReturn

from bertgen.hub import errors

_TRUE = {"1", "ON", "YES", "TRUE"}
_TIMEOUT = 5.0  # seconds for one look at whether the Hub answers, unless HF_HUB_ETAG_TIMEOUT says otherwise
_REMEMBERED = 30.0  # seconds for which its silence, or its answer, is believed

_lock = threading.Lock()
_silent: dict[str, tuple[float, str]] = {}  # endpoint -> (until when, why)
_answered: dict[str, float] = {}  # endpoint -> until when


def endpoint() -> str:
    """The Hub's address: HF_ENDPOINT, else https://huggingface.co."""
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE (or the older TRANSFORMERS_OFFLINE) forbids the network."""
    from huggingface_hub import constants

    value = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return constants.HF_HUB_OFFLINE or value.upper() in _TRUE


def cache_folder(cache_dir: str | os.PathLike | None = None) -> str:
    """Where downloads are kept: `cache_dir`, else HF_HUB_CACHE, else `hub` in HF_HOME."""
    from huggingface_hub import constants

    # The order is huggingface_hub's own.
    if cache_dir is None:
        cache_dir = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if cache_dir is None and os.environ.get("HF_HOME"):
        cache_dir = os.path.join(os.environ["HF_HOME"], "hub")
    return os.path.abspath(os.path.expanduser(os.path.expandvars(cache_dir or constants.HF_HUB_CACHE)))


def silence(url: str, *, ask_again: bool = False) -> str | None:
    """Why the Hub cannot be had; None when it answers (with anything but a server's failure).

    huggingface_hub itself retries for some 20 seconds a file before it gives up. One look at `url` decides
    here instead, and is remembered for a while; `ask_again` looks in any case.
    """
    import huggingface_hub as hf
    from huggingface_hub import constants
    from huggingface_hub import errors as hf_errors

    # 1) What was found a moment ago.
    address = endpoint()
    now = time.monotonic()
    with _lock:
        until, why = _silent.get(address, (0.0, ""))
        if now < until and not ask_again:
            return why
        if now < _answered.get(address, 0.0):
            return None
    # 2) One look, with the user's own patience where HF_HUB_ETAG_TIMEOUT sets one.
    timeout = _TIMEOUT
    if constants.HF_HUB_ETAG_TIMEOUT != constants.DEFAULT_ETAG_TIMEOUT:
        timeout = constants.HF_HUB_ETAG_TIMEOUT
    try:
        status = hf.get_session().head(url, timeout=timeout, follow_redirects=False).status_code
    except (hf_errors.HTTPError, OSError) as error:
        return note_silence(f"{type(error).__name__}: {error}")
    # A refusal is an answer too: only a server that fails is as good as none.
    if status >= 500:
        return note_silence(f"it answered with status {status}")
    with _lock:
        _answered[address] = time.monotonic() + _REMEMBERED
        _silent.pop(address, None)
    return None


def remembered_silence() -> str | None:
    """Why the Hub could not be had a moment ago; None when it answered or was not asked."""
    with _lock:
        until, why = _silent.get(endpoint(), (0.0, ""))
    if time.monotonic() < until:
        return why
    return None


def note_silence(why: str) -> str:
    """Remembers for a while that the Hub could not be had; returns the reason."""
    with _lock:
        _silent[endpoint()] = (time.monotonic() + _REMEMBERED, why)
        _answered.pop(endpoint(), None)
    return why


def forget() -> None:
    """Forgets what is remembered: the next call asks the Hub."""
    with _lock:
        _silent.clear()
        _answered.clear()


def raise_for(error: Exception, repo: str, revision: str | None) -> NoReturn:
    """Raises our error, with the next move, for one of huggingface_hub's."""
    raise _ours(error, repo, revision) from error


def _ours(error: Exception, repo: str, revision: str | None) -> errors.HubError:
    from huggingface_hub import errors as hf_errors

    address = endpoint()
    page = f"{address}/{repo}"
    status = getattr(getattr(error, "response", None), "status_code", None)
    # huggingface_hub's types are the most certain.
    if isinstance(error, hf_errors.LocalTokenNotFoundError):
        return errors.HubError("hub.no_stored_token")
    if isinstance(error, hf_errors.GatedRepoError):
        return errors.GatedRepository("hub.gated", repo=repo, page=page)
    if isinstance(error, hf_errors.RepositoryNotFoundError):
        return errors.RepositoryNotFound("hub.no_repository", repo=repo, endpoint=address)
    if isinstance(error, hf_errors.RevisionNotFoundError):
        return errors.RevisionNotFound("hub.no_revision", repo=repo, revision=revision, page=page)
    if isinstance(error, hf_errors.HFValidationError):
        return errors.BadHubName("hub.refused_id", name=repo)
    # The rest by the status of the answer, then by what the operating system says.
    if status == 401:
        return errors.HubError("hub.bad_token", endpoint=address)
    if status == 403:
        return errors.HubError("hub.forbidden", repo=repo, said=_words(error))
    if status == 429:
        return errors.HubError("hub.too_fast", endpoint=address)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return errors.HubError("hub.no_space", repo=repo, cache=cache_folder())
    if status is None and isinstance(error, hf_errors.HTTPError):
        reason = f"{type(error).__name__}: {error}"
        return errors.HubUnreachable("hub.broken_connection", endpoint=address, reason=reason)
    return errors.HubError("hub.failed", endpoint=address, repo=repo, said=_words(error))


def _words(error: Exception) -> str:
    text = getattr(error, "server_message", None) or str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
