//! The binary `indelible`: the server, and everything a person does with it from a shell.
//!
//! Standard output is data, everything else goes to standard error. Commands talk to a running server over its API;
//! those that work on files alone (`catalog`, `view`, `verify`, `config`, and reading with `--data`) need none. Start reading at [`Command`].

mod asked;
mod catalogs;
mod client;
mod command;
mod connector;
mod demo;
mod draw;
mod event_of_json;
mod exit;
mod import;
mod input;
mod local;
mod output;
mod source;
mod time;
mod tls;

use std::process::ExitCode;

/// Events are many small texts, allocated on one thread and freed on another; the system's allocator spends a fifth of
/// the intake's time on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use clap::{Parser, Subcommand};

use crate::client::Target;
use crate::exit::Outcome;
use crate::output::{Format, Output};

/// Audit events: captured, validated, kept, found, proved.
#[derive(Debug, Parser)]
#[command(
    name = "indelible",
    version,
    propagate_version = true,
    after_help = "Examples:\n  indelible demo\n  indelible serve\n  indelible import --format openkat events.jsonl\n  indelible search 'code:091111 since:-1d'\n  indelible top actor 'outcome:failure' --since -7d\n  indelible verify --data ./indelible-data\n\nExit codes: 0 done, 1 failed, 2 usage, 3 evidence of tampering, 4 nothing found (--exit-status), 5 not allowed,\n6 drift, 75 try again later."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    target: Target,
    /// Form of the output [default: table on a terminal, NDJSON in a pipe]
    #[arg(long, short = 'o', global = true, value_name = "FORM", help_heading = "Output")]
    output: Option<Format>,
    /// Same as --output json
    #[arg(long, global = true, conflicts_with = "output", help_heading = "Output")]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(command::serve::Args),
    Demo(command::demo::Args),
    Emit(command::emit::Args),
    Import(command::import::Args),
    Search(command::search::Args),
    Stats(command::stats::Args),
    Top(command::top::Args),
    Histogram(command::histogram::Args),
    Timeline(command::timeline::Args),
    Sql(command::sql::Args),
    Show(command::show::Args),
    Release(command::release::Args),
    Tail(command::tail::Args),
    Export(command::export::Args),
    Bundle(command::bundle::Args),
    View(command::view::Args),
    Verify(command::verify::Args),
    Checkpoint(command::checkpoint::Args),
    LogKey(command::log_key::Args),
    DeclareRollback(command::declare_rollback::Args),
    Catalog(command::catalog::Args),
    Query(command::query::Args),
    Org(command::org::Args),
    Key(command::key::Args),
    Person(command::person::Args),
    Role(command::role::Args),
    Claim(command::claim::Args),
    Backup(command::backup::Args),
    Restore(command::restore::Args),
    Producer(command::producer::Args),
    Source(command::source::Args),
    Route(command::route::Args),
    Delivery(command::delivery::Args),
    Profile(command::profile::Args),
    Config(command::config::Args),
    Doctor(command::doctor::Args),
    Completions(command::completions::Args),
    Man(command::man::Args),
    Version(command::version::Args),
    #[command(hide = true)]
    Reference(command::reference::Args),
}

/// What commands get besides their own arguments.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) target: Target,
    pub(crate) output: Output,
    /// Form of the output as asked for, if it was.
    pub(crate) asked: Option<Format>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let asked = if cli.json { Some(Format::Json) } else { cli.output };
    let context = Context { target: cli.target, output: Output::new(asked), asked };
    match run(cli.command, &context).and_then(|()| source::nothing_lacked()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if failure.is_broken_pipe() {
                return ExitCode::SUCCESS;
            }
            output::failure(&failure, asked);
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn run(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Serve(args) => args.run(context),
        Command::Demo(args) => args.run(context),
        Command::Emit(args) => args.run(context),
        Command::Import(args) => args.run(context),
        Command::Search(args) => args.run(context),
        Command::Stats(args) => args.run(context),
        Command::Top(args) => args.run(context),
        Command::Histogram(args) => args.run(context),
        Command::Timeline(args) => args.run(context),
        Command::Sql(args) => args.run(context),
        Command::Show(args) => args.run(context),
        Command::Release(args) => args.run(context),
        Command::Tail(args) => args.run(context),
        Command::Export(args) => args.run(context),
        Command::Bundle(args) => args.run(context),
        Command::View(args) => args.run(context),
        Command::Verify(args) => args.run(context),
        Command::Checkpoint(args) => args.run(context),
        Command::LogKey(args) => args.run(context),
        Command::DeclareRollback(args) => args.run(context),
        Command::Catalog(args) => args.run(context),
        Command::Query(args) => args.run(context),
        Command::Org(args) => args.run(context),
        Command::Key(args) => args.run(context),
        Command::Person(args) => args.run(context),
        Command::Role(args) => args.run(context),
        Command::Claim(args) => args.run(context),
        Command::Backup(args) => args.run(context),
        Command::Restore(args) => args.run(context),
        Command::Producer(args) => args.run(context),
        Command::Source(args) => args.run(context),
        Command::Route(args) => args.run(context),
        Command::Delivery(args) => args.run(context),
        Command::Profile(args) => args.run(context),
        Command::Config(args) => args.run(context),
        Command::Doctor(args) => args.run(context),
        Command::Completions(args) => args.run(context),
        Command::Man(args) => args.run(context),
        Command::Version(args) => args.run(context),
        Command::Reference(args) => args.run(context),
    }
}
