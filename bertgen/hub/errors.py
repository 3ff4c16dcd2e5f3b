"""What can go wrong with the Hub: OSErrors all, as the reference's are."""

from __future__ import annotations

from bertgen.errors import Trouble


class HubError(Trouble, OSError):
    """A repository, or a file of it, could not be had."""


class BadHubName(HubError):
    """Neither a folder here nor a possible Hub id, file name or revision."""


class RepositoryNotFound(HubError):
    """No such repository, or a private one that this token may not see."""


class GatedRepository(HubError):
    """The repository's owner has to grant access first."""


class RevisionNotFound(HubError):
    """The repository has no such branch, tag or commit."""


class HubUnreachable(HubError):
    """The Hub did not answer, or is not to be asked, and the local cache does not hold what is needed."""


class NoWeights(HubError):
    """The repository holds no weights that can be read here."""


class DownloadCancelled(HubError):
    """The caller's `cancelled()` said so."""
