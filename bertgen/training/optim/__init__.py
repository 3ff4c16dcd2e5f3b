"""Rate, master weights, dropout."""
