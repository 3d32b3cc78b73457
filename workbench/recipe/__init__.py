"""The recipe: axolotl's YAML as a document, as a typed object, and what the bench knows about model families."""
