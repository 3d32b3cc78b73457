"""Guards that keep an exception to the pane, action or job that raised it."""
