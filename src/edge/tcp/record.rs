//! Writes a recording: a line for each input as it comes, so that a sudden end costs nothing
//! that was answered.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::base::{Digest, SimTime};
use crate::scenario::SessionLine;
use crate::sim::Command;

#[derive(Debug)]
pub(super) struct Recorder {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Recorder {
    /// Begins a recording; what the file held is gone.
    pub(super) fn begin(path: &Path, first_line: &str) -> io::Result<Recorder> {
        let begun = File::create(path).and_then(|file| {
            let mut file = BufWriter::with_capacity(256 * 1024, file);
            file.write_all(first_line.as_bytes())?;
            file.write_all(b"\n")?;
            file.flush()?;
            Ok(file)
        });
        let file = begun.map_err(|error| at(path, &error))?;
        Ok(Recorder { path: path.to_owned(), file })
    }

    pub(super) fn inputs(&mut self, inputs: Vec<(SimTime, Command)>) -> io::Result<()> {
        if inputs.is_empty() {
            return Ok(());
        }
        for (t_us, command) in inputs {
            self.line(&SessionLine::Input { t_us, command })?;
        }
        self.file.flush().map_err(|error| at(&self.path, &error))
    }

    pub(super) fn end(&mut self, t_us: SimTime, digest: Digest) -> io::Result<()> {
        self.line(&SessionLine::End { t_us, digest })?;
        self.file.flush().map_err(|error| at(&self.path, &error))
    }

    fn line(&mut self, line: &SessionLine) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, line)
            .map_err(io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"))
            .map_err(|error| at(&self.path, &error))
    }
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
