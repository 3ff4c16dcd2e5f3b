"""How good outputs are: exact match, SARI, BLEU, chrF, ROUGE, and what the trivial baselines reach."""
