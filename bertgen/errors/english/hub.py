"""Messages about devices and Hubs."""

from __future__ import annotations

_DEVICES = "use auto, cpu, cuda, cuda:1 or mps"
_LOG_IN = "pass token=, set HF_TOKEN, or log in with `hf auth login`"

HUB: dict[str, tuple[str, str]] = {
    # ---- machine
    "device.unknown": ("unknown device {device!r}", _DEVICES),
    "device.missing": ("device {device!r} is not there ({count} CUDA devices found)", "use --device cpu"),
    "device.no_mps": ("device 'mps' is not there", "use --device cpu"),
    "device.unsupported": ("device {device!r} is not supported", _DEVICES),
    # ---- hub: names
    "hub.is_file": ("{name!r} is a file", "give the folder that holds it"),
    "hub.bad_id": (
        "no folder {name!r} here, and it is no Hub id (those look like owner/name)",
        "check the path or the id",
    ),
    "hub.refused_id": ("{name!r} is no Hub id", "those look like owner/name"),
    "hub.bad_path": ("{filename!r} (in {subfolder!r}) is refused", "give a plain relative path"),
    "hub.bad_revision": ("{revision!r} is no revision", "give a branch, a tag or a commit"),
    "hub.outside_link": (
        "{path} is refused: it is a link to {real}, outside the cache",
        "delete it and fetch it again",
    ),
    "hub.lacks_files": ("{place!r} holds none of {names}", "is it the right folder or name?"),
    "hub.cache_lacks_files": (
        "the local cache's copy of {place!r} holds none of {names}, and nothing else was asked ({reason})",
        "connect and load it once",
    ),
    # ---- hub: what it answers
    "hub.no_stored_token": ("token=True, but no token is stored here", _LOG_IN),
    "hub.gated": ("{repo!r} is gated", f"ask for access on {{page}}, then {_LOG_IN}"),
    "hub.no_repository": (
        "{repo!r} is neither a folder here nor a repository on {endpoint} that you can see",
        f"check the spelling; if it is private, {_LOG_IN}",
    ),
    "hub.no_revision": (
        "{repo!r} has no revision {revision!r}",
        "take one of the branches and tags listed on {page}",
    ),
    "hub.bad_token": (
        "{endpoint} does not accept the token",
        "pass a valid one (HF_TOKEN and `hf auth login` store one too), or token=False for what is public",
    ),
    "hub.forbidden": (
        "this token may not do that with {repo!r} ({said})",
        "use one with the right permissions",
    ),
    "hub.too_fast": ("{endpoint} asks to slow down", "wait a few minutes, then try again"),
    "hub.no_space": (
        "no space for {repo!r} in {cache}",
        "free some, or set HF_HOME (or cache_dir=) to a larger disk",
    ),
    "hub.broken_connection": ("the connection to {endpoint} failed ({reason})", "try again"),
    "hub.failed": ("{endpoint} and {repo!r}: {said}", "try again"),
    # ---- hub: without it
    "hub.not_cached": (
        "{name!r} is no folder here and is not in the local cache at revision {revision!r} ({cache}), and "
        "{endpoint} was not reached ({reason})",
        "connect once (unset HF_HUB_OFFLINE, local_files_only=False), or give the path of a local folder",
    ),
    "hub.not_refetched": (
        "{filename} of {name!r} was to be fetched again, but {endpoint} was not reached ({reason})",
        "connect, or drop force_download=True to use what the cache holds",
    ),
    "hub.refetch_forbidden": (
        "force_download=True fetches from the Hub, which {setting} forbids",
        "drop one of the two",
    ),
    # ---- hub: downloads
    "hub.plan_not_cached": (
        "{repo!r} is not in the local cache ({cache}) and {endpoint} was not reached ({reason})",
        "connect (unset HF_HUB_OFFLINE) and try again, or choose a model that is here",
    ),
    "hub.partly_cached": (
        "the local cache holds only a part of {repo!r} ({held}) and {endpoint} was not reached ({reason})",
        "connect and try again",
    ),
    "hub.no_config": (
        "{repo!r} holds no config.json, so it is no model in the transformers layout",
        "choose another",
    ),
    "hub.no_weights": (
        "{repo!r} has no weights that can be read here (model.safetensors or pytorch_model.bin): it holds "
        "none",
        "choose a repository with PyTorch weights",
    ),
    "hub.foreign_weights": (
        "{repo!r} has no weights that can be read here (model.safetensors or pytorch_model.bin): it holds "
        "{foreign}, another framework's",
        "choose a repository with PyTorch weights, or convert them with transformers first",
    ),
    "hub.disk_full": (
        "the download takes {needed:.2f} GB and {cache} has {free:.2f} GB left",
        "free some, or set HF_HOME (or cache_dir=) to a larger disk",
    ),
    "hub.cancelled": (
        "the download was cancelled",
        "what has arrived is kept, and a new download goes on from there",
    ),
    "hub.odd_header": (
        "{endpoint} answered with the header {header}: {value!r}, which no Hub sends",
        "check that HF_ENDPOINT is the address of a Hub that you trust",
    ),
    "hub.odd_listing": (
        "{endpoint} described {repo!r} in a way that no Hub does",
        "check that HF_ENDPOINT is the address of a Hub that you trust",
    ),
    "hub.too_large": (
        "{name} is said to have {size:,.1f} MB, more than the {limit:,.1f} MB that such a file may have",
        "choose another repository, or fetch the file yourself and give the folder",
    ),
    "hub.runs_on": (
        "{name} runs on after {limit:,.3f} MB, where it had to end",
        "check that HF_ENDPOINT is the address of a Hub that you trust",
    ),
    "hub.two_sizes": (
        "{name} was listed with {planned} bytes and has {size}",
        "look the repository up again",
    ),
    "hub.silent": ("{endpoint} was not reached ({reason})", "connect and try again"),
    "hub.damaged": ("{name} arrived damaged (its checksum differs)", "download it again"),
    # ---- hub: uploads
    "hub.upload_offline": ("{repo!r} cannot be uploaded: {setting} is set", "unset it first"),
    "hub.upload_unreached": (
        "{repo!r} cannot be uploaded: {endpoint} was not reached ({reason})",
        "try again later",
    ),
    "hub.upload_token": ("uploading needs a token with write access", _LOG_IN),
    "hub.two_tokens": ("token= and its older name use_auth_token= are both given", "give token= alone"),
    "hub.two_names": ("repo_id and repo_url are both given", "give repo_id alone"),
}
