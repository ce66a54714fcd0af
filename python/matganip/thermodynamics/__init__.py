"""Thermodynamics: canonical sums, estimates from samples, mixing."""
