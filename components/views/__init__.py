"""From arrays and labels to pictures and to what the browser needs. No torch, no gradio, no files."""
