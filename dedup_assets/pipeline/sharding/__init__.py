"""Assets whose partitions many workers share, and these partitions."""
