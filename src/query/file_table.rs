//! Many Parquet files as one table. Values that all rows of a file have in common (the capture, the run) are columns of their
//! own, as the partitions of a data lake are, so that files which a condition excludes are never opened.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue, project_schema};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::object_store::ObjectMeta;
use datafusion::object_store::path::Path as StorePath;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use super::error::QueryError;
use super::tables::Table;
use crate::store::Column;

/// The table.
#[derive(Debug)]
pub(super) struct FileTable {
    schema: TableSchema,
    files: Vec<PartitionedFile>,
}

impl FileTable {
    /// One without files.
    pub(super) fn new(table: Table) -> Self {
        let origin = table.origin_columns().iter().map(Column::field).map(Arc::new).collect::<Vec<_>>();
        let schema = TableSchema::builder(table.own_schema()).with_table_partition_cols(origin).build();
        Self { schema, files: Vec::new() }
    }

    /// Adds a file, with the values of its origin.
    pub(super) fn add(&mut self, path: &Path, origin: &[&str]) -> Result<(), QueryError> {
        let fail = |source| QueryError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if !ends_in_footer(&mut file, metadata.len()).map_err(fail)? {
            return Err(QueryError::Reading(format!("{} is no Parquet file, or cut short", path.display())));
        }
        let path = fs::canonicalize(path).map_err(fail)?;
        let location = StorePath::from_absolute_path(&path)
            .map_err(|error| QueryError::Io { path: path.clone(), source: std::io::Error::other(error) })?;
        let object = ObjectMeta {
            location,
            last_modified: metadata.modified().map(Into::into).unwrap_or_default(),
            size: metadata.len(),
            e_tag: None,
            version: None,
        };
        let values = origin.iter().map(|value| {
            let text = ScalarValue::Utf8(Some((*value).to_owned()));
            ScalarValue::Dictionary(Box::new(DataType::Int32), Box::new(text))
        });
        self.files.push(PartitionedFile::new_from_meta(object).with_partition_values(values.collect()));
        Ok(())
    }
}

/// Whether a file ends as Parquet files do, with a footer no longer than the file: reading any other is a panic, in a debug build.
fn ends_in_footer(file: &mut File, size: u64) -> io::Result<bool> {
    const TAIL: u64 = 8;
    const MAGIC: &[u8; 4] = b"PAR1";
    if size < TAIL + MAGIC.len() as u64 {
        return Ok(false);
    }
    let mut tail = [0; TAIL as usize];
    file.seek(SeekFrom::Start(size - TAIL))?;
    file.read_exact(&mut tail)?;
    let [a, b, c, d, magic @ ..] = tail;
    Ok(magic == *MAGIC && u64::from(u32::from_le_bytes([a, b, c, d])) <= size - TAIL - MAGIC.len() as u64)
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        self.schema.table_schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// The plan's filters stay above the scan, which takes them to skip files, row groups and pages.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project_schema(&self.schema(), projection)?)));
        }
        let groups = FileGroup::new(self.files.clone()).split_files(state.config().target_partitions());
        let source = Arc::new(ParquetSource::new(self.schema.clone()));
        let scan = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            // A limit counts what the filters let through, which is not known down here.
            .with_limit(limit.filter(|_| filters.is_empty()))
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}
