"""The pieces that the screens are made of, one a file."""
