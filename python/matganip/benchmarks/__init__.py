"""The comparisons that docs/ quotes; nothing in the product imports them."""
