"""Figures: each function takes data and an Axes, and returns the Axes."""
