"""Measured powder patterns: readers, a model of few named parameters, and its fit."""
