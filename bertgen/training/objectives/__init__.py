"""What a run learns: its loss and its validation."""
