"""The comparison with axolotl: run it with `python -m conformance`; README.md says what it proves."""
