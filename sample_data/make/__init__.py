"""The maker of the demo: its world, rows, tokenizer and model. It does not ship with the bench."""
