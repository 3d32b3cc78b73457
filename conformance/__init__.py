"""The comparison with axolotl: run it with `python -m conformance`; README.md says what it proves."""

from workbench.consumers.axolotl.worker import quiet

# Before any of its modules imports axolotl.
quiet(offline=True)
