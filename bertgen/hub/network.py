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

    place = endpoint()
    now = time.monotonic()
    with _lock:
        until, why = _silent.get(place, (0.0, ""))
        if now < until and not ask_again:
            return why
        if now < _answered.get(place, 0.0):
            return None
    changed = constants.HF_HUB_ETAG_TIMEOUT != constants.DEFAULT_ETAG_TIMEOUT
    timeout = constants.HF_HUB_ETAG_TIMEOUT if changed else _TIMEOUT
    try:
        status = hf.get_session().head(url, timeout=timeout, follow_redirects=False).status_code
    except (hf_errors.HTTPError, OSError) as error:
        return note_silence(f"{type(error).__name__}: {error}")
    if status >= 500:
        return note_silence(f"it answered with status {status}")
    with _lock:
        _answered[place] = time.monotonic() + _REMEMBERED
        _silent.pop(place, None)
    return None


def remembered_silence() -> str | None:
    """Why the Hub could not be had a moment ago; None when it answered or was not asked."""
    with _lock:
        until, why = _silent.get(endpoint(), (0.0, ""))
    return why if time.monotonic() < until else None


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
    from huggingface_hub import errors as hf_errors

    page = f"{endpoint()}/{repo}"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, hf_errors.LocalTokenNotFoundError):
        raise errors.HubError(
            'token=True, but none is stored here: pass token="hf_...", set HF_TOKEN, or run `hf auth login`'
        ) from error
    if isinstance(error, hf_errors.GatedRepoError):
        raise errors.GatedRepository(
            f"{repo!r} is gated: ask for access on {page}, then pass token= (or set HF_TOKEN, or log in with "
            "`hf auth login`)"
        ) from error
    if isinstance(error, hf_errors.RepositoryNotFoundError):
        raise errors.RepositoryNotFound(
            f"{repo!r} is neither a folder here nor a repository on {endpoint()} that you can see; check the "
            "spelling, and pass token= (or set HF_TOKEN, or log in with `hf auth login`) if it is private"
        ) from error
    if isinstance(error, hf_errors.RevisionNotFoundError):
        raise errors.RevisionNotFound(
            f"{repo!r} has no revision {revision!r}; its branches and tags are listed on {page}"
        ) from error
    if isinstance(error, hf_errors.HFValidationError):
        raise errors.BadHubName(f"{repo!r} is no Hub id (those look like owner/name): {error}") from error
    if status == 401:
        raise errors.HubError(
            f"{endpoint()} does not accept the token: pass a valid one (HF_TOKEN and `hf auth login` store "
            "one too), or token=False for a public repository"
        ) from error
    if status == 403:
        raise errors.HubError(
            f"this token may not do that with {repo!r} ({_words(error)}); use one with the right permissions"
        ) from error
    if status == 429:
        raise errors.HubError(
            f"{endpoint()} asks to slow down; wait a few minutes, then try again"
        ) from error
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        raise errors.HubError(
            f"no space for {repo!r} in {cache_folder()}: free some, or set HF_HOME (or cache_dir=) elsewhere"
        ) from error
    if status is None and isinstance(error, hf_errors.HTTPError):
        raise errors.HubUnreachable(
            f"the connection to {endpoint()} failed ({type(error).__name__}: {error}); try again"
        ) from error
    raise errors.HubError(f"{endpoint()} and {repo!r}: {_words(error)}; try again") from error


def _words(error: Exception) -> str:
    text = getattr(error, "server_message", None) or str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
