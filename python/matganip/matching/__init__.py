"""Which arrangements of a space explain a measured powder pattern: `match`."""
