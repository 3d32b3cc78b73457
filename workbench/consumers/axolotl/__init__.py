"""axolotl: what it needs to start a recipe that the bench has proven."""
