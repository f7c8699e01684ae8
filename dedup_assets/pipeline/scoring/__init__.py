"""Assets and checks that score a test set against a train set (RUN.md, run_mode 3 and 4)."""
