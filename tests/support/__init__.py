"""Helpers for the tests: real processors around real or tiny tokenizers."""
