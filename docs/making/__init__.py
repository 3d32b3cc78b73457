"""The making of the documentation's site, beside its pages: a page for each code, and the examples on them."""
