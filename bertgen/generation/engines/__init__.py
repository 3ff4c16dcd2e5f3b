"""One decoding step, in several speeds."""
