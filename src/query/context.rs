//! DataFusion as queries use it here: its memory, its threads, its rules.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::error::QueryError;
use super::functions;
use super::one_writer::OneWriter;

/// A context whose queries may hold so many bytes, which those of their parts that can spill share evenly.
pub(super) fn context(bytes: usize, config: SessionConfig) -> Result<SessionContext, QueryError> {
    let pool = TrackConsumersPool::new(FairSpillPool::new(bytes), NonZeroUsize::MIN);
    context_with(Arc::new(pool), config)
}

/// A context with this memory.
pub(super) fn context_with(pool: Arc<dyn MemoryPool>, config: SessionConfig) -> Result<SessionContext, QueryError> {
    let start = |error: DataFusionError| QueryError::Start(error.to_string());
    let environment = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc().map_err(start)?;
    let state = SessionStateBuilder::new()
        .with_config(config.with_information_schema(true))
        .with_runtime_env(environment)
        .with_default_features()
        .with_physical_optimizer_rule(Arc::new(OneWriter))
        .build();
    let context = SessionContext::new_with_state(state);
    functions::register(&context);
    Ok(context)
}
