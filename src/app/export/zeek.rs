//! Zeek's logs.

use std::io::Write;

use super::logins::NtlmLogins;
use super::output::ExportTo;
use super::{Export, ExportError};
use crate::model::{Command, Operation, SessionEntry};
use crate::report::{ShareKind, ZeekFormat, ZeekLog, ZeekRow, ZeekWriter, file_row, mapping_row, ntlm_row, rpc_row};
use crate::store::Projection;

/// What gives the row of an operation in a log, if it has one there.
type RowOf = fn(&Operation, Option<ShareKind>) -> Option<ZeekRow>;

impl Export<'_> {
    /// One log, or all: each in a file of a folder, or one behind the other.
    pub(super) fn zeek(&self, log: Option<ZeekLog>, json: bool, to: ExportTo<'_>) -> Result<(), ExportError> {
        let format = |alone: bool| if json { ZeekFormat::Json { path: !alone } } else { ZeekFormat::Tsv };
        match (log, to) {
            (Some(log), to) => to.write(|out| self.zeek_log(log, format(true), out)),
            (None, ExportTo::Path(folder)) => {
                std::fs::create_dir_all(&folder)
                    .map_err(|source| ExportError::Folder { folder: folder.clone(), source })?;
                ZeekLog::ALL.into_iter().try_for_each(|log| {
                    let file = ExportTo::Path(folder.join(format!("{}.log", log.name())));
                    file.write(|out| self.zeek_log(log, format(true), out))
                })
            }
            (None, to) => {
                to.write(|out| ZeekLog::ALL.into_iter().try_for_each(|log| self.zeek_log(log, format(false), out)))
            }
        }
    }

    fn zeek_log(&self, log: ZeekLog, format: ZeekFormat, out: &mut dyn Write) -> Result<(), ExportError> {
        let begun = self.captures.iter().map(|capture| capture.dataset.beginning()).min().unwrap_or_default();
        let ended = self.captures.iter().map(|capture| capture.dataset.ending()).max().unwrap_or_default();
        let mut writer = ZeekWriter::begin(out, log, format, begun)?;
        match log {
            ZeekLog::Files | ZeekLog::Mapping | ZeekLog::DceRpc => {
                let (row, bodies): (RowOf, &'static [Command]) = match log {
                    ZeekLog::Files => (file_row, &[Command::Create, Command::SetInfo, Command::TreeConnect]),
                    ZeekLog::DceRpc => (|operation, _| rpc_row(operation), &[]),
                    _ => (mapping_row, &[Command::TreeConnect]),
                };
                self.each(Projection::PdusOf(bodies), |operation, origin| {
                    row(&operation, origin.share_kind).map_or(Ok(()), |row| Ok(writer.row(&row)?))
                })?;
            }
            ZeekLog::Ntlm => self.ntlm_rows(&mut writer)?,
        }
        Ok(writer.end(ended)?.flush()?)
    }

    fn ntlm_rows<W: Write>(&self, writer: &mut ZeekWriter<W>) -> Result<(), ExportError> {
        let mut of: Option<(String, SessionEntry)> = None;
        let mut logins = NtlmLogins::default();
        let mut rows = Vec::new();
        self.each(Projection::PdusOf(&[Command::SessionSetup]), |operation, origin| {
            let same = of
                .as_ref()
                .is_some_and(|(capture, session)| capture == origin.capture && session.file == origin.session.file);
            if !same {
                rows.extend(logins.end());
                of = Some((origin.capture.to_owned(), origin.session.clone()));
            }
            rows.extend(logins.add(&operation));
            Ok(())
        })?;
        rows.extend(logins.end());
        for (begun, connection, login) in &rows {
            writer.row(&ntlm_row(*begun, connection, login))?;
        }
        Ok(())
    }
}
