"""Train parity: `axolotl train` and the bench's overfit on the same export, step by step."""
