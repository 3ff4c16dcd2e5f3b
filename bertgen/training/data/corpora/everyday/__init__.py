"""Everyday rows made by rules: what visitors of a demo type and the public sets lack."""
