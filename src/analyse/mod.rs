//! From PDUs and operations to facts: pairing, opens and their paths, summaries. Pure functions over `model`.
