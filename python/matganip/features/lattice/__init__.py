"""Peaks of the arrangements of one space: all but the arrangement is worked out once."""
