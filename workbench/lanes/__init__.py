"""The same rows under several trainers: aligned by text, with a cause for each stretch that differs."""
