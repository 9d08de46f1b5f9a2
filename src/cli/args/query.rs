//! `smbreplay query`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::shared::CapturesArgs;

/// Arguments of `query`.
#[derive(Clone, Debug, Args)]
#[command(
    before_help = "\
Examples:
  smbreplay query --tables                      the tables, with their columns and what they mean
  smbreplay query 'SELECT command, count(*), avg(latency_ns) FROM operations GROUP BY command'
  smbreplay query \"SELECT request_frame, path FROM operations WHERE is_error(status)\"
  smbreplay query 'SELECT user, sum(bytes_written) FROM sessions GROUP BY user'
  smbreplay query --case 2010203 'SELECT capture, max(latency_ns) FROM operations GROUP BY 1'
  smbreplay query --trace 'mon*.pcap' -o big.parquet 'SELECT * FROM files WHERE size > 1e9'
  smbreplay query --run last \"SELECT class, count(*) FROM results GROUP BY class\"
  smbreplay query - --format csv < slow.sql",
    after_help = "\
The SQL is that of DataFusion: https://datafusion.apache.org/user-guide/sql/ . Queries read and change nothing. A table without
ORDER BY has no order. Names with capitals, and those that are words of SQL, are put in double quotes; text stands in single ones.
In LIKE, \\ takes the meaning from what follows: for paths use starts_with(path, 'docs\\') or LIKE 'docs\\\\%'."
)]
pub struct QueryArgs {
    /// The query; - reads it from standard input
    #[arg(value_name = "SQL", required_unless_present = "tables")]
    pub sql: Option<String>,
    /// List the tables that can be asked, with their columns, and the functions beside those of SQL
    #[arg(long, visible_alias = "schema", conflicts_with = "sql")]
    pub tables: bool,
    /// Only this run in `results`: its name or a unique beginning, last, last-1; else all
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// How to print the result; parquet needs -o
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<QueryFormat>,
    /// Write the result to a file; its ending tells the format, if --format does not
    #[arg(short, long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Memory that the query may use; sorts and joins that need more go to temporary files
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(16..=1_048_576))]
    pub memory: u32,
    /// Do not start a pager (PAGER, else less), as is done when output goes to a terminal
    #[arg(long)]
    pub no_pager: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub captures: CapturesArgs,
}

/// How the result of a query is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueryFormat {
    /// For people
    Table,
    /// One JSON array
    Json,
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header
    Csv,
    /// A Parquet file, with the types of the columns
    Parquet,
}
