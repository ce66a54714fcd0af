"""A local page for exploring a screen: a table of any length, a figure, the structure and pattern of a chosen row."""
