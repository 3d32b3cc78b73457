"""The overfit run: a plan, a child process that trains, its events, and the verdict on them."""
