"""Every limit on what a stranger may ask of the page, in one place."""

from __future__ import annotations

# The body of one request, in bytes: the longest text, some settings, and room for JSON around them.
MAX_BODY = 1_000_000
# Visitors whose state Gradio keeps; the least recently seen one is forgotten first.
MAX_SESSIONS = 512
