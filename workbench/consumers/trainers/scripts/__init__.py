"""Scripts that run inside the Python of a trainer; the bench starts them by path and imports none of them."""
