"""Result objects and what they are shown with."""
