//! The command line: plays scenarios without a page, checks them, and writes their schema; asks
//! assignors and partitioners.

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    cli::main()
}

#[cfg(target_arch = "wasm32")]
fn main() {}

#[cfg(not(target_arch = "wasm32"))]
#[path = "terrarium/ask.rs"]
mod ask;
#[cfg(not(target_arch = "wasm32"))]
#[path = "terrarium/failover.rs"]
mod failover;
#[cfg(not(target_arch = "wasm32"))]
#[path = "terrarium/run.rs"]
mod run;
#[cfg(not(target_arch = "wasm32"))]
#[path = "terrarium/serve.rs"]
mod serve;
#[cfg(not(target_arch = "wasm32"))]
#[path = "terrarium/sweep.rs"]
mod sweep;

#[cfg(not(target_arch = "wasm32"))]
mod cli {
    use std::fs::File;
    use std::io::{self, ErrorKind, Write};
    use std::path::{Path, PathBuf};
    use std::process::ExitCode;

    use clap::{Parser, Subcommand, ValueEnum};
    use terrarium::base::{SimTime, ms};
    use terrarium::plant::Plant;
    use terrarium::scenario::data::FILE_MAX_BYTES;
    use terrarium::scenario::{
        CHAPTERS, Files, GALLERY, RECORDING_MAX_BYTES, Scenario, ScenarioError, schema,
    };
    use terrarium::sim::Setup;

    use crate::ask::{Assign, Partition, assign, partition};
    use crate::failover::{Failover, failover};
    use crate::serve::{Serve, serve};
    use crate::sweep::{Sweep, sweep};

    /// An unexpected violation of a promise.
    pub(crate) const BROKEN: u8 = 1;
    /// Something is wrong with what was given.
    const BAD_INPUT: u8 = 2;

    /// A living Apache Kafka cluster, without the glass.
    #[derive(Parser)]
    #[command(name = "terrarium", version)]
    struct Args {
        #[command(subcommand)]
        command: Command,
    }

    #[derive(Subcommand)]
    enum Command {
        /// Plays a scenario, or what terrarium serve has recorded, and prints where everything
        /// stands at the end.
        ///
        /// Ends with 1 when a promise was broken that the scenario does not expect to break, and
        /// with 2 when something is wrong with what was given.
        Run {
            /// A scenario file, a recording, or the id of one of the gallery.
            scenario: String,
            /// The source of all randomness, in place of the scenario's.
            #[arg(long)]
            seed: Option<u64>,
            /// The world's time at which to end: 500ms, 30s, 2m. Without it, the scenario's
            /// look.until_ms, or 30s; a recording is played to its end.
            #[arg(long, value_parser = moment)]
            until: Option<SimTime>,
            /// Writes all that happens to this file, one JSON object a line.
            #[arg(long, value_name = "FILE")]
            trace: Option<PathBuf>,
            /// Writes all that happens to this file in the form that Perfetto opens: a process for
            /// each node, a slice for each request.
            #[arg(long, value_name = "FILE")]
            perfetto: Option<PathBuf>,
            /// How to print where everything stands.
            #[arg(long, value_enum, default_value_t = Form::Text)]
            summary: Form,
            /// Of the protocols that the scenario compares, only this one, counted from 1.
            #[arg(long, value_name = "NUMBER")]
            protocol: Option<usize>,
            /// Build a known bug in: what `terrarium sweep --plant` wrote shows itself with it alone.
            #[arg(long, value_name = "NAME", value_parser = crate::sweep::plant)]
            plant: Option<Plant>,
        },
        Serve(Serve),
        Sweep(Sweep),
        Failover(Failover),
        Assign(Assign),
        Partition(Partition),
        /// Lists the gallery.
        Scenarios,
        /// Says whether a scenario file and its data are right.
        Check {
            /// A scenario file, or the id of one of the gallery.
            scenario: String,
        },
        /// Prints the JSON Schema of scenario files.
        Schema,
    }

    #[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
    pub(crate) enum Form {
        /// For people.
        Text,
        /// One JSON object.
        Json,
    }

    /// What ends the program before its end.
    pub(crate) enum Failure {
        /// Something is wrong with what was given.
        Input(String),
        /// What is printed cannot be written.
        Output(io::Error),
    }

    pub(crate) type Outcome = Result<ExitCode, Failure>;

    pub(super) fn main() -> ExitCode {
        let outcome = match Args::parse().command {
            Command::Run { scenario, seed, until, trace, perfetto, summary, protocol, plant } => {
                let form = summary;
                crate::run::run(&crate::run::Wanted {
                    scenario,
                    seed,
                    until,
                    trace,
                    perfetto,
                    form,
                    protocol,
                    plant,
                })
            }
            Command::Serve(wanted) => serve(&wanted),
            Command::Sweep(wanted) => sweep(&wanted),
            Command::Failover(wanted) => failover(&wanted),
            Command::Assign(wanted) => assign(&wanted),
            Command::Partition(wanted) => partition(&wanted),
            Command::Scenarios => scenarios(),
            Command::Check { scenario } => check(&scenario),
            Command::Schema => print(&schema()),
        };
        match outcome {
            Ok(code) => code,
            // Whoever read has seen enough: `terrarium scenarios | head -1`.
            Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(Failure::Output(error)) => complain(&format!("cannot write: {error}")),
            Err(Failure::Input(message)) => complain(&message),
        }
    }

    fn complain(message: &str) -> ExitCode {
        let _ = writeln!(io::stderr(), "error: {message}");
        ExitCode::from(BAD_INPUT)
    }

    pub(crate) fn print(text: &str) -> Outcome {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output)?;
        Ok(ExitCode::SUCCESS)
    }

    fn scenarios() -> Outcome {
        let width = GALLERY.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
        let mut chapters = Vec::new();
        for chapter in CHAPTERS {
            let mut text = format!("{}\n{}\n", chapter.title, chapter.about);
            for (id, json) in chapter.files() {
                let scenario =
                    Scenario::parse(json).map_err(|error| Failure::Input(format!("{id}: {error}")))?;
                text += &format!("  {id:width$}  {}\n", scenario.title);
            }
            chapters.push(text);
        }
        print(&chapters.join("\n"))
    }

    fn check(name: &str) -> Outcome {
        let scenario = parse(name)?;
        for protocol in scenario.compared() {
            build(name, &scenario.under(&protocol), None)?;
        }
        build(name, &scenario, None)?;
        print(&format!("{name}: {} is fine\n", scenario.title))
    }

    /// A scenario of the gallery, or of a file.
    pub(crate) fn parse(name: &str) -> Result<Scenario, Failure> {
        let of_gallery = GALLERY.iter().find(|(id, _)| *id == name).map(|(_, text)| (*text).to_owned());
        let text = match of_gallery {
            Some(text) => text,
            None => {
                let bytes = read(Path::new(name), RECORDING_MAX_BYTES).map_err(|error| {
                    let hint = match error.kind() {
                        ErrorKind::NotFound => " (and no scenario of the gallery has this id)",
                        _ => "",
                    };
                    Failure::Input(format!("{name}: {error}{hint}"))
                })?;
                let error = |_| Failure::Input(format!("{name}: is not UTF-8 text"));
                String::from_utf8(bytes).map_err(error)?
            }
        };
        Scenario::parse(text.strip_prefix('\u{feff}').unwrap_or(&text)).map_err(|error| wrong(name, &error))
    }

    /// What a scenario's world is built from, with the files that it names.
    pub(crate) fn build(name: &str, scenario: &Scenario, seed: Option<u64>) -> Result<Setup, Failure> {
        let folder = Path::new(name).parent().unwrap_or(Path::new(""));
        let mut files = Files::new();
        for file in scenario.files() {
            let path = folder.join(file);
            let bytes = read(&path, FILE_MAX_BYTES)
                .map_err(|error| Failure::Input(format!("{name}: {}: {error}", path.display())))?;
            files.insert(file.to_owned(), bytes.into());
        }
        let mut setup = scenario.build(seed, &files).map_err(|error| wrong(name, &error))?;
        // Programs know a scenario by its file's name or its id, not by its title.
        if let Some(id) = Path::new(name).file_stem().and_then(|stem| stem.to_str()) {
            setup.name = id.to_owned();
        }
        Ok(setup)
    }

    fn wrong(name: &str, error: &ScenarioError) -> Failure {
        let lines = error.problems.iter().map(|problem| format!("{name}: {problem}"));
        Failure::Input(lines.collect::<Vec<_>>().join("\n       "))
    }

    /// A whole file, if it is not larger than it may be.
    fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut file = io::Read::take(File::open(path)?, most as u64 + 1);
        io::Read::read_to_end(&mut file, &mut bytes)?;
        if bytes.len() > most {
            return Err(io::Error::other(format!("the file has more than {most} bytes")));
        }
        Ok(bytes)
    }

    /// `500ms`, `30s`, `2m`.
    fn moment(text: &str) -> Result<SimTime, String> {
        let expected = || "expected a number with ms, s or m, as 30s".to_owned();
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(expected)?;
        let (number, unit) = text.split_at(split);
        let number: u64 = number.parse().map_err(|_| expected())?;
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            _ => return Err(expected()),
        };
        Ok(SimTime(ms(number.saturating_mul(unit_ms))))
    }
}
