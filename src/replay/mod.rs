//! Plan, id mapping, engine, outcomes, divergences. Imports `model`, `analyse`, `wire`.
