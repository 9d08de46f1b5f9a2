//! `smbreplay query`: SQL over datasets and the results of replays.

#[cfg(feature = "query")]
mod asked;

use crate::app::{FUNCTIONS, Table};
use crate::cli::args::{QueryArgs, QueryFormat};
use crate::cli::config::Config;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Column, Format, Output};

/// Runs it.
pub fn run(args: &QueryArgs, config: &Config) -> Result<ExitStatus, Failure> {
    if args.tables {
        return tables(args);
    }
    #[cfg(feature = "query")]
    return asked::run(args, config);
    #[cfg(not(feature = "query"))]
    {
        let _ = config;
        let text = "this smbreplay was built without SQL";
        Err(Failure::message(ExitStatus::Usage, text).remedy(
            "build it with its default features (cargo build --release --features query), or read the Parquet files \
             with DuckDB, Polars or pyarrow",
        ))
    }
}

/// What can be asked for.
fn tables(args: &QueryArgs) -> Result<ExitStatus, Failure> {
    let format = match args.format {
        None | Some(QueryFormat::Table) => Format::Table,
        Some(QueryFormat::Json) => Format::Json,
        Some(QueryFormat::Ndjson) => Format::Ndjson,
        Some(QueryFormat::Csv) => Format::Csv,
        Some(QueryFormat::Parquet) => {
            return Err(Failure::message(ExitStatus::Usage, "--tables has no Parquet form")
                .remedy("--format json, ndjson or csv are for programs"));
        }
    };
    let names = ["table", "column", "type", "null", "meaning"];
    let mut table = Output::paged(!args.no_pager).table(format, names.into_iter().map(Column::text).collect());
    for of in Table::ALL {
        for column in of.columns() {
            let kind = type_name(&column.data_type());
            let null = if column.nullable { "yes" } else { "" };
            table.row([of.name(), column.name, &kind, null, column.meaning].map(Into::into).to_vec())?;
        }
    }
    for function in FUNCTIONS {
        table.row(["", function.usage, "function", "", function.meaning].map(Into::into).to_vec())?;
    }
    table.finish()?;
    Ok(ExitStatus::Done)
}

/// An Arrow type as SQL sees it.
fn type_name(kind: &arrow_schema::DataType) -> String {
    use arrow_schema::DataType;
    match kind {
        DataType::Utf8 => "text".to_owned(),
        DataType::Dictionary(_, values) => type_name(values),
        DataType::LargeBinary | DataType::FixedSizeBinary(_) => "bytes".to_owned(),
        DataType::Timestamp(_, _) => "timestamp".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::List(item) => format!("list of {}", type_name(item.data_type())),
        DataType::Struct(fields) => {
            let names: Vec<_> = fields.iter().map(|field| field.name().as_str()).collect();
            format!("({})", names.join(", "))
        }
        number => number.to_string().to_lowercase(),
    }
}
