"""What there is to read: listing inputs, reading bytes by name, watching for uploads, archives and videos."""
