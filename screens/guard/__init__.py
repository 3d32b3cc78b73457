"""Exceptions that stay where they were raised, so that the rest of the app lives on."""
