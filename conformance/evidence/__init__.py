"""Every finding in axolotl's own examples, shown by an asked run: `python -m conformance.evidence`.

For each example recipe that trains a model with pictures or sound, on either path, a model of its type stands in, with
rows in its shape; the bench checks it; and each error and warning is put to axolotl itself: once as the example is, and
once with the finding's fix. A finding that no run shows counts as false.
"""
