//! One session's Parquet file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use super::error::StoreError;
use super::late_rows;
use super::operation_columns::operations_schema;
use super::row_group::{EncodedRowGroup, RowGroupEncoder, parquet_schema};
use super::staging::StagedFile;
use crate::model::{Operation, SessionId};

/// Name of a session's file. `server` is given when several servers of the capture handed out the same id.
pub fn session_file_name(id: SessionId, server: Option<SocketAddr>) -> String {
    match server {
        Some(server) => {
            let ip = server.ip().to_string().replace(':', "_");
            format!("smb2_session_{id}-{ip}_{}.parquet", server.port())
        }
        None => format!("smb2_session_{id}.parquet"),
    }
}

/// A session's file in the making. Row groups are appended in order; rows that come late are merged in at the end.
pub struct SessionFile {
    path: PathBuf,
    writer: SerializedFileWriter<StagedFile>,
    encoder: RowGroupEncoder,
    late: Vec<Operation>,
}

impl SessionFile {
    /// Makes the file.
    pub fn create(path: PathBuf, encoder: &RowGroupEncoder) -> Result<Self, StoreError> {
        let fail = |source| StoreError::Parquet { path: path.clone(), source };
        let file = StagedFile::create(path.clone())?;
        let schema = parquet_schema(&operations_schema()).map_err(fail)?;
        let mut writer =
            SerializedFileWriter::new(file, schema.root_schema_ptr(), encoder.properties.clone()).map_err(fail)?;
        writer.inner_mut().release();
        Ok(Self { path, writer, encoder: encoder.clone(), late: Vec::new() })
    }

    /// Appends a row group.
    pub fn append(&mut self, group: EncodedRowGroup) -> Result<(), StoreError> {
        let path = &self.path;
        let fail = |source| StoreError::Parquet { path: path.clone(), source };
        let mut row_group = self.writer.next_row_group().map_err(fail)?;
        for chunk in group.chunks {
            chunk.append_to_row_group(&mut row_group).map_err(fail)?;
        }
        row_group.close().map_err(fail)?;
        self.writer.inner_mut().release();
        Ok(())
    }

    /// Takes an operation that belongs before rows already appended.
    pub fn append_late(&mut self, operation: Operation) {
        self.late.push(operation);
    }

    /// Writes the footer with some more key-value pairs, and merges late rows in.
    pub fn finish(mut self, footer: &[(String, String)]) -> Result<(), StoreError> {
        let late = std::mem::take(&mut self.late);
        let (path, encoder) = (self.path.clone(), self.encoder.clone());
        if late.is_empty() {
            return self.close(footer);
        }
        self.close(&[])?;
        let merged = path.with_extension("merged");
        late_rows::merge(&path, late, &merged, &encoder, footer)?;
        std::fs::rename(&merged, &path).map_err(|source| StoreError::Io { path, source })
    }

    fn close(mut self, footer: &[(String, String)]) -> Result<(), StoreError> {
        for (key, value) in footer {
            self.writer.append_key_value_metadata(KeyValue::new(key.clone(), value.clone()));
        }
        let path = self.path;
        self.writer.close().map(drop).map_err(|source| StoreError::Parquet { path, source })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
