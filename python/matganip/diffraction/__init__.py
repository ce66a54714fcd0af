"""Peaks come out: powder and resolved patterns on a fixed lattice, and their graph matrices."""
