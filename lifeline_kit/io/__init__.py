"""Readers and writers; the only rooms that touch files."""
