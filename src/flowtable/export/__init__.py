"""Flows into files: one module a format."""
