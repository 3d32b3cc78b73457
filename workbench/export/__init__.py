"""The axolotl YAML for the full run, with the evidence that it was proven with."""
