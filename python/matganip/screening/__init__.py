"""Rank a whole space by what a model predicts."""
