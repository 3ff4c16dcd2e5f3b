"""From files to batches: corpora, vocabulary, sampling, packing."""
