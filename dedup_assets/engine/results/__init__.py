"""Bad images, and the invariants that results must satisfy."""
