//! `terrarium assign` and `terrarium partition`: who gets which partition, and which partition
//! gets which key.

use std::io::{self, BufRead, BufWriter, Read, Write};
use std::process::ExitCode;

use clap::Args;
use terrarium::assignor::{Assignor, Question, to_json};
use terrarium::base::Rng;
use terrarium::partitioner::{Partitioner, PartitionerKind, TopicPartitions};

use crate::cli::{Failure, Outcome};

/// More is no question.
const INPUT_MAX_BYTES: u64 = 64 << 20;
/// As Java's `batch.size` is without a config.
const BATCH_SIZE_BYTES: u32 = 16_384;

/// Says which member of a group gets which partitions.
///
/// Reads JSON from standard input: {"topics":{"t0":3},"members":{"C0":{"topics":["t0"],
/// "owned":{"t0":[0]}},"C1":{"topics":["t0"]}}}, and prints a line of JSON:
/// {"C0":{"t0":[0,2]},"C1":{"t0":[1]}}. Several questions may stand one after another: each
/// gets its line.
///
/// A topic is a number of partitions, or {"partitions":3,"racks":[["a","b"],["b"],["a"]]} with
/// the racks of each partition's replicas. A member has "topics", and perhaps what it has
/// "owned" and in which "generation", its "instance" (group.instance.id) and its "rack"
/// (client.rack). "left" has members that are gone and what they owned.
///
/// Ends with 2 when something is wrong with what was given.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Assign {
    /// Who decides: range, roundrobin, sticky, cooperative-sticky, as the leader of a classic
    /// group; or uniform, server-range (its range), as the coordinator of a consumer group
    /// (KIP-848).
    #[arg(long, value_name = "NAME")]
    assignor: Assignor,
    /// Also says why, one sentence a partition, after each line of JSON.
    #[arg(long)]
    explain: bool,
}

/// Says which partition a producer sends each key to.
///
/// Reads keys from standard input, one a line, and prints for each its partition, a tab, and the
/// key. An empty line is an empty key.
#[derive(Args)]
pub(crate) struct Partition {
    /// As which client: default (Java), round_robin (Java), murmur2, murmur2_random, consistent,
    /// consistent_random, fnv1a, fnv1a_random, random (librdkafka), kafkajs-default or
    /// kafkajs-legacy.
    #[arg(long, value_name = "NAME", default_value = "default")]
    partitioner: PartitionerKind,
    /// How many partitions the topic has.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1_000_000))]
    partitions: i32,
    /// The source of randomness, for partitioners that do not go by the key.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

pub(crate) fn assign(wanted: &Assign) -> Outcome {
    let mut text = String::new();
    let read = io::stdin().lock().take(INPUT_MAX_BYTES + 1).read_to_string(&mut text);
    read.map_err(|error| Failure::Input(format!("standard input: {error}")))?;
    if text.len() as u64 > INPUT_MAX_BYTES {
        return Err(Failure::Input(format!("standard input: has more than {INPUT_MAX_BYTES} bytes")));
    }
    if text.trim().is_empty() {
        let example = r#"{"topics":{"t0":3},"members":{"C0":{"topics":["t0"]}}}"#;
        return Err(Failure::Input(format!("standard input: expected JSON, as {example}")));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    for (number, question) in (1..).zip(Question::parse_all(text.strip_prefix('\u{feff}').unwrap_or(&text))) {
        let question = match question {
            Ok(question) => question,
            Err(error) => {
                out.flush().map_err(Failure::Output)?;
                let which = if number > 1 { format!("question {number}: ") } else { String::new() };
                return Err(Failure::Input(format!("standard input: {which}{error}")));
            }
        };
        let answer = question.answer(wanted.assignor);
        writeln!(out, "{}", to_json(&answer)).map_err(Failure::Output)?;
        if wanted.explain {
            for sentence in question.explain(wanted.assignor, &answer) {
                writeln!(out, "{sentence}").map_err(Failure::Output)?;
            }
        }
    }
    out.flush().map_err(Failure::Output)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn partition(wanted: &Partition) -> Outcome {
    let available: Vec<i32> = (0..wanted.partitions).collect();
    let count = u32::try_from(wanted.partitions).unwrap_or(0);
    let partitions = TopicPartitions { count, available: &available };
    let mut partitioner = Partitioner::new(wanted.partitioner, false, BATCH_SIZE_BYTES);
    let mut rng = Rng::stream(wanted.seed, "partition");
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut input, mut line) = (io::stdin().lock(), Vec::new());
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        if read.map_err(|error| Failure::Input(format!("standard input: {error}")))? == 0 {
            break;
        }
        let key = line.strip_suffix(b"\n").unwrap_or(&line);
        let key = key.strip_suffix(b"\r").unwrap_or(key);
        let partition = partitioner.choose(&mut rng, "", Some(key), &partitions);
        let written = write!(out, "{partition}\t").and_then(|()| out.write_all(key));
        written.and_then(|()| out.write_all(b"\n")).map_err(Failure::Output)?;
    }
    out.flush().map_err(Failure::Output)?;
    Ok(ExitCode::SUCCESS)
}
