"""Text corpora as rows (source, target): files, readers of public formats, rules that make rows."""
