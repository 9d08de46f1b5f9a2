//! Facts and outcomes as tables, JSON, JUnit, HTML. Imports `model`, `analyse`, `replay`.
