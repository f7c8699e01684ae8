"""Names of files and folders that several modules need. Other names are in the module that writes the file."""

FEATURES = "features.dat"
LEDGER = "image_ledger.parquet"
GALLERY = "gallery"
SHARDS = "shards"
SEARCHED = "neighbors"
