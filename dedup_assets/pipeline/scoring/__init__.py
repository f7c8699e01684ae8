"""Assets and checks that score a test set against a train set (docs/reference.md, "Run modes")."""
