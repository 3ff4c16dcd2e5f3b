"""Recipes: what a run reads, starts from and does."""
