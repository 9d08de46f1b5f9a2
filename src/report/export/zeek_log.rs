//! Logs as Zeek's ASCII writer makes them: tab-separated with header lines, or a JSON object a line.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::model::Timestamp;

/// A type of Zeek's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ZeekKind {
    Time,
    Text,
    Address,
    Port,
    Enum,
    Count,
    Bool,
    /// Nanoseconds.
    Interval,
}

impl ZeekKind {
    fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Text => "string",
            Self::Address => "addr",
            Self::Port => "port",
            Self::Enum => "enum",
            Self::Count => "count",
            Self::Bool => "bool",
            Self::Interval => "interval",
        }
    }
}

/// A log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeekLog {
    /// `smb_files.log`
    Files,
    /// `smb_mapping.log`
    Mapping,
    /// `ntlm.log`
    Ntlm,
    /// `dce_rpc.log`
    DceRpc,
}

/// What every log of a protocol begins with.
const CONNECTION: [(&str, ZeekKind); 6] = [
    ("ts", ZeekKind::Time),
    ("uid", ZeekKind::Text),
    ("id.orig_h", ZeekKind::Address),
    ("id.orig_p", ZeekKind::Port),
    ("id.resp_h", ZeekKind::Address),
    ("id.resp_p", ZeekKind::Port),
];

impl ZeekLog {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Files, Self::Mapping, Self::Ntlm, Self::DceRpc];

    /// Its name, without `.log`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Files => "smb_files",
            Self::Mapping => "smb_mapping",
            Self::Ntlm => "ntlm",
            Self::DceRpc => "dce_rpc",
        }
    }

    /// Its columns, in their order.
    pub fn columns(self) -> Vec<(&'static str, ZeekKind)> {
        use ZeekKind::{Bool, Count, Enum, Interval, Text, Time};
        let own: &[(&str, ZeekKind)] = match self {
            Self::Files => &[
                ("fuid", Text),
                ("action", Enum),
                ("path", Text),
                ("name", Text),
                ("size", Count),
                ("prev_name", Text),
                ("times.modified", Time),
                ("times.accessed", Time),
                ("times.created", Time),
                ("times.changed", Time),
            ],
            Self::Mapping => &[("path", Text), ("service", Text), ("native_file_system", Text), ("share_type", Text)],
            Self::Ntlm => &[
                ("username", Text),
                ("hostname", Text),
                ("domainname", Text),
                ("server_nb_computer_name", Text),
                ("server_dns_computer_name", Text),
                ("server_tree_name", Text),
                ("success", Bool),
            ],
            Self::DceRpc => &[("rtt", Interval), ("named_pipe", Text), ("endpoint", Text), ("operation", Text)],
        };
        CONNECTION.iter().chain(own).copied().collect()
    }
}

/// A row: a value for each column; times are nanoseconds since 1970, null what is not set.
#[derive(Clone, Debug, PartialEq)]
pub struct ZeekRow(pub Vec<Value>);

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeekFormat {
    /// With header lines.
    Tsv,
    /// JSON lines; `path` tells whether each names its log in `_path`, as they need who shares a stream.
    Json {
        /// Whether it does.
        path: bool,
    },
}

/// Writes a log.
pub struct ZeekWriter<W> {
    out: W,
    log: ZeekLog,
    format: ZeekFormat,
    columns: Vec<(&'static str, ZeekKind)>,
}

impl<W: Write> ZeekWriter<W> {
    /// Begins it; `opened` stands in its header.
    pub fn begin(mut out: W, log: ZeekLog, format: ZeekFormat, opened: Timestamp) -> io::Result<Self> {
        let columns = log.columns();
        if format == ZeekFormat::Tsv {
            let joined = |of: fn(&(&'static str, ZeekKind)) -> &'static str| {
                columns.iter().map(of).collect::<Vec<_>>().join("\t")
            };
            writeln!(out, "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-")?;
            writeln!(out, "#path\t{}\n#open\t{}", log.name(), moment(opened))?;
            writeln!(out, "#fields\t{}\n#types\t{}", joined(|column| column.0), joined(|column| column.1.name()))?;
        }
        Ok(Self { out, log, format, columns })
    }

    /// Writes a row.
    pub fn row(&mut self, row: &ZeekRow) -> io::Result<()> {
        let cells = self.columns.iter().zip(&row.0);
        match self.format {
            ZeekFormat::Tsv => {
                let texts: Vec<_> = cells.map(|((_, kind), value)| tsv(*kind, value)).collect();
                writeln!(self.out, "{}", texts.join("\t"))
            }
            ZeekFormat::Json { path } => {
                let mut object = Map::new();
                if path {
                    object.insert("_path".to_owned(), json!(self.log.name()));
                }
                let set = cells.filter(|(_, value)| !value.is_null());
                object.extend(set.map(|((name, kind), value)| ((*name).to_owned(), json_of(*kind, value))));
                writeln!(self.out, "{}", Value::Object(object))
            }
        }
    }

    /// Ends it.
    pub fn end(mut self, closed: Timestamp) -> io::Result<W> {
        if self.format == ZeekFormat::Tsv {
            writeln!(self.out, "#close\t{}", moment(closed))?;
        }
        Ok(self.out)
    }
}

fn moment(time: Timestamp) -> String {
    time.utc().format("%Y-%m-%d-%H-%M-%S").to_string()
}

/// Seconds since 1970 with microseconds, as Zeek prints times.
fn seconds(nanoseconds: i64) -> String {
    let microseconds = nanoseconds.div_euclid(1000);
    format!("{}.{:06}", microseconds.div_euclid(1_000_000), microseconds.rem_euclid(1_000_000))
}

fn json_of(kind: ZeekKind, value: &Value) -> Value {
    match (kind, value.as_i64()) {
        (ZeekKind::Time | ZeekKind::Interval, Some(nanoseconds)) => {
            seconds(nanoseconds).parse::<f64>().map_or(Value::Null, Value::from)
        }
        _ => value.clone(),
    }
}

fn tsv(kind: ZeekKind, value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(truth) => if *truth { "T" } else { "F" }.to_owned(),
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => escaped(text),
        number => match (kind, number.as_i64()) {
            (ZeekKind::Time | ZeekKind::Interval, Some(nanoseconds)) => seconds(nanoseconds),
            _ => number.to_string(),
        },
    }
}

/// Control characters and the backslash are escaped; and what would be taken for an unset or empty field, or for a header.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let misread = text == "-" || text == "(empty)" || text.starts_with('#');
    for (at, c) in text.chars().enumerate() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            c if c.is_control() || (at == 0 && misread) => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    escaped.push_str(&format!("\\x{byte:02x}"));
                }
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(log: ZeekLog, format: ZeekFormat, row: &[Value]) -> String {
        let mut writer = ZeekWriter::begin(Vec::new(), log, format, Timestamp(0)).unwrap();
        writer.row(&ZeekRow(row.to_vec())).unwrap();
        String::from_utf8(writer.end(Timestamp(1_000_000_000)).unwrap()).unwrap()
    }

    #[test]
    fn a_log_begins_and_ends_as_zeek_writes_it() {
        let row = [
            json!(1_600_266_221_005_323_999_i64),
            json!("C1"),
            json!("10.0.0.1"),
            json!(49239),
            json!("10.0.0.2"),
            json!(445),
            json!("\\\\srv\\a\tb"),
            Value::Null,
            json!(""),
            json!("-"),
        ];
        let text = written(ZeekLog::Mapping, ZeekFormat::Tsv, &row);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[..6],
            [
                "#separator \\x09",
                "#set_separator\t,",
                "#empty_field\t(empty)",
                "#unset_field\t-",
                "#path\tsmb_mapping",
                "#open\t1970-01-01-00-00-00"
            ]
        );
        assert!(
            lines[6].starts_with("#fields\tts\tuid\tid.orig_h\t")
                && lines[7].starts_with("#types\ttime\tstring\taddr\t")
        );
        assert_eq!(
            lines[8],
            "1600266221.005323\tC1\t10.0.0.1\t49239\t10.0.0.2\t445\t\\\\\\\\srv\\\\a\\x09b\t-\t(empty)\t\\x2d"
        );
        assert_eq!(lines[9..], ["#close\t1970-01-01-00-00-01"]);
        let text = written(ZeekLog::Mapping, ZeekFormat::Json { path: true }, &row);
        let object: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&object["_path"], &object["ts"]), (&json!("smb_mapping"), &json!(1_600_266_221.005_323)));
        assert_eq!((object.get("service"), &object["id.resp_p"]), (None, &json!(445)));
    }

    #[test]
    fn names_cannot_forge_a_field_or_a_line() {
        assert_eq!(escaped("a\nb\u{85}"), "a\\x0ab\\xc2\\x85");
        assert_eq!([escaped("(empty)"), escaped("#close"), escaped("ü")], ["\\x28empty)", "\\x23close", "ü"]);
    }
}
