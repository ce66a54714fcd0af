"""A parent crystal comes in: readers and prototypes."""
