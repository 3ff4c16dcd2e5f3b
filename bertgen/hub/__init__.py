"""A name -> files: a local folder first, else a Hugging Face Hub repository; and the way back, push_to_hub.

`huggingface_hub` is imported only when a Hub name is asked for; a folder never touches the network.
"""

from bertgen.hub.errors import (
    BadHubName,
    DownloadCancelled,
    GatedRepository,
    HubError,
    HubUnreachable,
    NoWeights,
    RepositoryNotFound,
    RevisionNotFound,
)
from bertgen.hub.files import cache_alone, cached_file, modern_keywords, resolve
from bertgen.hub.plan import HubFile, HubPlan, download, plan_download
from bertgen.hub.push import PushToHubMixin, pushes

__all__ = [
    "BadHubName",
    "DownloadCancelled",
    "GatedRepository",
    "HubError",
    "HubFile",
    "HubPlan",
    "HubUnreachable",
    "NoWeights",
    "PushToHubMixin",
    "RepositoryNotFound",
    "RevisionNotFound",
    "cache_alone",
    "cached_file",
    "download",
    "modern_keywords",
    "plan_download",
    "pushes",
    "resolve",
]
