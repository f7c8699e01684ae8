"""Names of files and folders of a work_dir that more than one module needs. Other names are beside what writes them."""

FEATURES = "features.dat"
LEDGER = "image_ledger.parquet"
SHARDS = "shards"
SEARCHED = "neighbors"
