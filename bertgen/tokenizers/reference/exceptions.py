"""Exceptions with two parents: the reference raises one for some tokenizers and the other for others."""

from __future__ import annotations

from bertgen.errors import FileTrouble, Trouble


class VocabularyError(FileTrouble):
    """A vocabulary file that cannot be used: not there, not of the kind, broken, or far too large."""


class MissingVocabulary(VocabularyError, FileNotFoundError):
    """A vocabulary file that is not there."""


class BadSentencePiece(Trouble, RuntimeError):
    """A file that SentencePiece cannot read."""


class UnknownIdError(IndexError, TypeError):
    """An id without a token was to be decoded."""
