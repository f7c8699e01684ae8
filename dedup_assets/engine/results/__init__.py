"""What results say of images and what must hold of them: bad images, invariants."""
