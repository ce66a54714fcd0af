"""Searches, samples, and suggestions of what to label next."""
