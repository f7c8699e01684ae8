"""Tests of `engine/work_dir/identity`."""
