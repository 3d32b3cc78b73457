"""One static site of all that the bench knows of a recipe: an index, rows, checks, audit, model, overfit, export."""
