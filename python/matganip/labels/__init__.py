"""Properties come in: labelled tables and their join with a space."""
