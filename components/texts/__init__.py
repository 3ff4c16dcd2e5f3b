"""A visitor's text: cut into what is run at once, by task."""
