"""What a run is worth: scores beside baselines, comparisons, learning curves, model cards."""
