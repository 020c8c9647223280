//! Cuts a WebAssembly module in two: the functions that a first look runs, and the rest, which is
//! loaded when it is first needed.
//!
//! `split tally IN OUT` makes a module that notes which of its functions were called, each in an
//! exported global. `split cut IN SEEN LINKED FIRST REST` takes their indices, one per line, and the
//! module as the linker left it, and writes both parts.
//!
//! In the first part, a function that moved out and is still named there becomes a stub: it asks
//! for the rest, unless that is there, and calls through a table that the rest fills. The rest
//! imports what it shares with the first part from the first part's exports, so that both have one
//! memory, one stack and one set of tables.

mod cut;
mod data;
mod links;
mod module;
mod tally;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::process::ExitCode;

use links::Links;
use module::Module;

/// What any step can fail with: all of them end the program with a line.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// Part of the name of the imported function that brings the rest.
const LOADER: &str = "load_rest";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        ["tally", from, to] => tally_file(from, to),
        ["cut", from, seen, linked, first, rest] => cut_file(from, seen, linked, [first, rest]),
        _ => Err("usage: split tally IN OUT | split cut IN SEEN LINKED FIRST REST".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tally_file(from: &str, to: &str) -> Outcome<()> {
    let bytes = fs::read(from)?;
    Ok(fs::write(to, tally::tally(&Module::read(&bytes)?)?)?)
}

fn cut_file(from: &str, seen: &str, linked: &str, [first, rest]: [&str; 2]) -> Outcome<()> {
    let bytes = fs::read(from)?;
    let seen: BTreeSet<u32> =
        fs::read_to_string(seen)?.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let links = Links::read(&fs::read(linked)?)?;
    let parts = cut::cut(&Module::read(&bytes)?, &seen, LOADER, &links)?;
    fs::write(first, parts.first)?;
    Ok(fs::write(rest, parts.rest)?)
}
