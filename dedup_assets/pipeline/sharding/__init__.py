"""Assets whose partitions many workers share, and the partitions themselves."""
