//! Operations to Arrow to Parquet and back; the schema, the dataset folder, its metadata. Imports `model` only.
