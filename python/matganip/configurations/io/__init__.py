"""Arrangements as files."""
