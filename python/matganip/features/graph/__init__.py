"""Diffraction graphs: vertices, matrices, edges."""
