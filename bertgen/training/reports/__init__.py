"""What a run is worth: its outputs scored, learning curves, model cards."""
