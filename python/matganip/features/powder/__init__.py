"""Powder patterns of any structure, each on its own lattice."""
