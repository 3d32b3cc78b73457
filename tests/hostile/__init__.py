"""Input that is broken, odd or meant to do harm: cases made from a seed, and what the bench must make of each."""
