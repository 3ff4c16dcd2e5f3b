"""Configurations: their fields, their checks, their files."""
