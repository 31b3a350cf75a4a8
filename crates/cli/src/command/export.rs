//! `indelible export`: everything that matches, whole or said to be incomplete.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::path::PathBuf;

use indelible_event::{Event, Value as EventValue};
use indelible_formats::layout::{NETOP_COLUMNS, SANERNOW_COLUMNS, column, netop_row, sanernow_row};
use indelible_formats::{csv_out, parse_json};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::search::{COLUMNS, Window, event_cell};
use crate::Context;
use crate::client::{self, Query};
use crate::event_of_json::event_of_json;
use crate::exit::{Failure, Outcome};
use crate::output::say;
use crate::source::{DataArg, Source};

/// Longest line of a stream: an event with everything that is shown beside it.
const MAX_LINE_BYTES: u64 = 8 << 20;

/// Export events
///
/// Everything that matches, in the order of the act, oldest first unless said otherwise. A stream that breaks off is told as
/// incomplete and ends with 1; a Parquet file is then not readable. In CSV, cells that a spreadsheet would take for formulas get an apostrophe; NDJSON is
/// the exact form.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible export 'catalog:netop' --since 2026-11 --out november.ndjson\n  indelible export --format csv --columns occurred_at,code,actor.id,origin.address > events.csv\n  indelible export 'catalog:sanernow' --format sanernow --out report.csv\n  indelible export --since 2026 --format parquet --out 2026.parquet\n  indelible export --data ./indelible-data --out everything.ndjson"
)]
pub(crate) struct Args {
    /// Query; everything without one
    #[arg(default_value = "", hide_default_value = true)]
    query: String,
    /// Form of the file
    #[arg(long, short = 'f', value_enum, default_value_t = Form::Ndjson)]
    format: Form,
    #[command(flatten)]
    window: Window,
    /// Order: -occurred_at, occurred_at, -index or index
    #[arg(long, value_name = "ORDER", default_value = "occurred_at", allow_hyphen_values = true,
          value_parser = ["-occurred_at", "occurred_at", "-index", "index"])]
    sort: String,
    /// Answer from the first so many events of the log
    #[arg(long, value_name = "SIZE")]
    at: Option<u64>,
    /// Columns of CSV, such as actor.id,targets[0].name,params.host.name
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    columns: Vec<String>,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    data: DataArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// One event a line, exact
    Ndjson,
    /// One list of events, exact
    Json,
    /// Columns of your choice
    Csv,
    /// The 14 columns of Netop's log report
    Netop,
    /// The 6 columns of SanerNow's event report
    Sanernow,
    /// Typed columns for DuckDB, pyarrow and others; compressed with zstd
    Parquet,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let source = Source::open(context, &self.data)?;
        let query = self
            .window
            .add_to(Query::default().with("q", Some(&self.query)))
            .with("sort", Some(&self.sort))
            .with("at", self.at);
        let lines = BufReader::with_capacity(1 << 16, source.stream(&query)?);
        if self.format == Form::Parquet && self.out.is_none() && io::stdout().is_terminal() {
            return Err(Failure::usage("Parquet is not for terminals; say --out FILE"));
        }
        let out: Box<dyn Write + Send> = match &self.out {
            Some(path) => Box::new(
                File::create(path)
                    .map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))?,
            ),
            None => Box::new(io::stdout()),
        };
        let notes = [("indelible.query", self.query.as_str()), ("indelible.sort", self.sort.as_str())];
        let out = match self.format {
            Form::Parquet => Out::Parquet(Box::new(
                indelible_parquet::Writer::new(BufWriter::new(out), &notes)
                    .map_err(|error| unwritten(&error))?,
            )),
            _ => Out::Text(BufWriter::new(out)),
        };
        let mut writer = Writer::new(self.format, self.columns, out);
        writer.begin()?;
        let end = copy(lines, &mut writer)?;
        writer.end(end.as_ref().is_some_and(|end| end.complete && end.intact))?;
        tell(&writer, end)
    }
}

/// What the last line of a stream says.
struct End {
    rows: u64,
    complete: bool,
    /// Files of events are damaged.
    lacking: bool,
    /// The digest is that of the lines before.
    intact: bool,
}

/// Copies events until the stream ends; `None` when it broke off before its last line. A line may also say what went wrong.
fn copy(mut lines: impl BufRead, writer: &mut Writer) -> Result<Option<End>, Failure> {
    let mut hash = Sha256::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = io::Read::take(&mut lines, MAX_LINE_BYTES).read_until(b'\n', &mut line);
        match read {
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) if line.last() != Some(&b'\n') => return Ok(None),
            Ok(_) => {}
        }
        if line.starts_with(b"{\"end\":") {
            return Ok(Some(end_of(&line, hash)));
        }
        if line.starts_with(b"{\"problem\":") {
            let told: Value = serde_json::from_slice(&line).unwrap_or_default();
            let status = told.pointer("/problem/status").and_then(Value::as_u64).unwrap_or(500);
            return Err(client::problem(u16::try_from(status).unwrap_or(500), &told["problem"]));
        }
        hash.update(&line);
        writer.event(line.trim_ascii_end())?;
    }
}

fn end_of(line: &[u8], hash: Sha256) -> End {
    let end: Value = serde_json::from_slice(line).unwrap_or_default();
    crate::source::tell_lacking(&end["end"]);
    let digest = hash.finalize();
    let hex = digest.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let said = end.pointer("/end/sha256").and_then(Value::as_str);
    End {
        rows: end.pointer("/end/rows").and_then(Value::as_u64).unwrap_or(0),
        lacking: end.pointer("/end/incomplete").is_some(),
        complete: end.pointer("/end/complete").and_then(Value::as_bool).unwrap_or(false),
        intact: said.is_none_or(|said| said == hex),
    }
}

fn tell(writer: &Writer, end: Option<End>) -> Outcome {
    let guarded = match writer.csv.guarded() {
        0 => String::new(),
        count => format!(", {count} cells guarded with an apostrophe"),
    };
    say(&format!("{} events{guarded}", writer.rows));
    let incomplete = |why: &str| {
        Err(Failure::new(
            crate::exit::Exit::Failed,
            "incomplete",
            format!("the export is incomplete: {why}; run it again"),
        ))
    };
    match end {
        None => incomplete("the stream broke off"),
        Some(end) if !end.complete && !end.lacking => incomplete("the server ran out of its budget"),
        Some(end) if end.rows != writer.rows => {
            incomplete("the server sent another number of events than arrived")
        }
        Some(end) if !end.intact => incomplete("what arrived differs from what was sent"),
        Some(_) => Ok(()),
    }
}

/// Where events go.
enum Out {
    Text(BufWriter<Box<dyn Write + Send>>),
    Parquet(Box<indelible_parquet::Writer<BufWriter<Box<dyn Write + Send>>>>),
    /// The file was ended.
    Ended,
}

struct Writer {
    form: Form,
    columns: Vec<String>,
    out: Out,
    csv: csv_out::Writer,
    rows: u64,
}

impl Writer {
    fn new(form: Form, columns: Vec<String>, out: Out) -> Self {
        let columns = match form {
            Form::Netop => NETOP_COLUMNS.map(str::to_owned).to_vec(),
            Form::Sanernow => SANERNOW_COLUMNS.map(str::to_owned).to_vec(),
            _ if columns.is_empty() => COLUMNS.map(str::to_owned).to_vec(),
            _ => columns,
        };
        Self { form, columns, out, csv: csv_out::Writer::default(), rows: 0 }
    }

    fn begin(&mut self) -> io::Result<()> {
        match self.form {
            Form::Ndjson | Form::Parquet => Ok(()),
            Form::Json => self.text(b"["),
            Form::Csv | Form::Netop | Form::Sanernow => self.csv_row(None),
        }
    }

    fn text(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.out {
            Out::Text(out) => out.write_all(bytes),
            Out::Parquet(_) | Out::Ended => Ok(()),
        }
    }

    fn event(&mut self, line: &[u8]) -> Outcome {
        match self.form {
            Form::Ndjson => {
                self.text(line)?;
                self.text(b"\n")?;
            }
            Form::Json => {
                self.text(if self.rows == 0 { b"\n" } else { b",\n" })?;
                self.text(line)?;
            }
            Form::Csv | Form::Netop | Form::Sanernow => {
                let cells = self.cells(line)?;
                self.csv_row(Some(&cells))?;
            }
            Form::Parquet => {
                let parsed = parse_json(line).map_err(|error| strange(&error))?;
                let event = parsed.as_map().ok_or_else(|| strange(&"it is no object"))?;
                if let Out::Parquet(out) = &mut self.out {
                    out.push(event).map_err(|error| unwritten(&error))?;
                }
            }
        }
        self.rows += 1;
        Ok(())
    }

    fn cells(&self, line: &[u8]) -> Result<Vec<String>, Failure> {
        if self.form == Form::Csv {
            let event: Value = serde_json::from_slice(line).map_err(|error| strange(&error))?;
            return Ok(self.columns.iter().map(|name| event_cell(&event, name)).collect());
        }
        let parsed = parse_json(line).map_err(|error| strange(&error))?;
        let map = parsed.as_map().ok_or_else(|| strange(&"it is no object"))?;
        let event = event_of_json(map);
        let text = |name: &str| map.get(name).and_then(EventValue::as_text).unwrap_or_default();
        Ok(match self.form {
            Form::Netop => netop_cells(&event),
            _ => sanernow_row(&event, text("organization"), text("title")).to_vec(),
        })
    }

    fn csv_row(&mut self, cells: Option<&[String]>) -> io::Result<()> {
        let mut text = String::new();
        let cells = cells.unwrap_or(&self.columns);
        self.csv.row(&mut text, cells.iter().map(String::as_str));
        self.text(text.as_bytes())
    }

    /// Ends the file. A Parquet file that is not whole gets no end, so that nobody can read it for a whole one.
    fn end(&mut self, whole: bool) -> Outcome {
        if self.form == Form::Json {
            self.text(b"\n]\n")?;
        }
        match std::mem::replace(&mut self.out, Out::Ended) {
            Out::Text(mut out) => out.flush()?,
            Out::Parquet(out) if whole => {
                out.finish().map_err(|error| unwritten(&error))?;
            }
            Out::Parquet(_) | Out::Ended => {}
        }
        Ok(())
    }
}

/// Netop's report; an event of another product has its code where Netop has entity and action.
fn netop_cells(event: &Event) -> Vec<String> {
    let mut cells = netop_row(event).to_vec();
    if let Some(cell) = cells.get_mut(6).filter(|cell| cell.is_empty()) {
        *cell = column(event, "code");
    }
    cells
}

fn unwritten(error: &indelible_parquet::ParquetError) -> Failure {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::failed(format!("{error}{cause}"))
}

fn strange(why: &dyn std::fmt::Display) -> Failure {
    Failure::failed(format!("a line of the server's answer is no event: {why}"))
}
