use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use expect_test::{Expect, expect};

use super::fixture::{entry, events, frame, run_until};
use super::inspector::*;
use super::words::*;
use super::{find, why};
use crate::base::{FrameKind, NodeId, Rng, Set, SimTime, seconds};
use crate::protocol::{ApiKey, TopicPartition};
use crate::sim::Run;
use crate::trace::{Entry, Event};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

pub(super) fn check(text: String, expected: Expect) {
    expected.assert_eq(&wrapped(&text));
}

/// Long lines go on in the next one, further in.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut column = 0;
        for word in line.split_inclusive(' ') {
            if column + word.chars().count() > 100 {
                out.truncate(out.trim_end_matches(' ').len());
                out.push_str("\n        ");
                column = 8;
            }
            out.push_str(word);
            column += word.chars().count();
        }
        out.push('\n');
    }
    out
}

fn told(entries: &[Entry], names: &Names) -> String {
    let mut text = String::new();
    for entry in entries {
        let _ = writeln!(text, "{}  {}\n    {}", entry.time, title(entry, names), sentence(entry, names));
    }
    text
}

fn all(run: &Run) -> Vec<Entry> {
    run.branch().trace().iter().cloned().collect()
}

fn check_english(entry: &Entry, names: &Names) {
    let (sentence, title, subtitle) = (sentence(entry, names), title(entry, names), subtitle(entry, names));
    assert!(sentence.ends_with('.') && !sentence.ends_with(".."), "{sentence}");
    assert!(sentence.chars().next().is_some_and(|c| !c.is_whitespace()), "{sentence}");
    assert!(!title.is_empty() && !title.ends_with('.'), "{title}");
    for text in [&sentence, &title, &subtitle] {
        for leak in ["Some(", "None", "{", "}", "Err(", "Arc", "  ", "\"", "did something", "Something happ"]
        {
            assert!(!text.contains(leak), "{text:?} contains {leak:?}");
        }
    }
}

#[test]
fn every_event_has_a_sentence() {
    let names = Names::default();
    let mut seen = Set::new();
    for event in events() {
        let entry = entry(event);
        check_english(&entry, &names);
        let kind = serde_json::to_value(&entry.event).ok().and_then(|v| Some(v.get("kind")?.to_string()));
        seen.insert(kind);
    }
    let declared =
        include_str!("../trace.rs").split("pub enum Event").nth(1).into_iter().flat_map(str::lines);
    let variants = declared.filter(|line| {
        line.strip_prefix("    ").is_some_and(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
    });
    assert_eq!(seen.len(), variants.count(), "an event has no sample in the fixture");
}

#[test]
fn a_produce_request_in_words() {
    let run = run_until(SimTime(seconds(3)));
    let trace = all(&run);
    let first = trace.iter().position(|e| StepKind::RecordAppended.matches(&e.event)).unwrap_or(0);
    let about: Vec<Entry> = trace[first.saturating_sub(6)..]
        .iter()
        .filter(|entry| !matches!(entry.event, Event::TimerFired { .. } | Event::RecordQueued { .. }))
        .take(32)
        .cloned()
        .collect();
    check(
        told(&about, &Names::of(run.world())),
        expect![[r#"
            00:01.010  ApiVersions arrived
                Broker 1 received producer riders' ApiVersions request: it asked which requests and versions it
                    speaks.
            00:01.010  Answered: ApiVersions response
                Broker 1 answered producer riders' ApiVersions request: it speaks 53 kinds of request.
            00:01.010  Answer arrived: ApiVersions response
                Producer riders received the answer to its ApiVersions request from broker 1: it speaks 53
                    kinds of request.
            00:01.010  Batch of 1 sent
                Producer riders sent a batch of 1 record for rides-0.
            00:01.010  Produce · 1 sent
                Producer riders asked broker 1 to store 1 record in rides-0: with acks=all the leader answers
                    when every in-sync replica has it.
            00:01.011  Produce · 1 arrived
                Broker 1 received producer riders' Produce request: it asked to store 1 record in rides-0; with
                    acks=all the leader answers when every in-sync replica has it.
            00:01.011  Offset 0 appended
                Broker 1 wrote offset 0 of rides-0 to its log as leader of epoch 0.
            00:01.011  Produce waits for offset 1
                Broker 1 made the producer of rides-0 wait until every in-sync replica has all before offset 1.
            00:01.011  Answered: 1 record
                Broker 1 answered broker 2's Fetch request: 1 record of rides-0 from offset 0.
            00:01.011  Answered: 1 record
                Broker 1 answered broker 3's Fetch request: 1 record of rides-0 from offset 0.
            00:01.012  Answer arrived: 1 record
                Broker 2 received the answer to its Fetch request from broker 1: 1 record of rides-0 from
                    offset 0.
            00:01.012  Offset 0 replicated
                Broker 2 copied offset 0 of rides-0 to its log; the leader learns that with its next fetch.
            00:01.012  Fetch from 1 sent
                Broker 2 asked broker 1 for records of rides-0 from offset 1, so it holds everything before
                    that offset.
            00:01.012  Answer arrived: 1 record
                Broker 3 received the answer to its Fetch request from broker 1: 1 record of rides-0 from
                    offset 0.
            00:01.012  Offset 0 replicated
                Broker 3 copied offset 0 of rides-0 to its log; the leader learns that with its next fetch.
            00:01.012  Fetch from 1 sent
                Broker 3 asked broker 1 for records of rides-0 from offset 1, so it holds everything before
                    that offset.
            00:01.012  Fetch from 1 arrived
                Broker 1 received broker 3's Fetch request: it asked for records of rides-0 from offset 1, so
                    it holds everything before that offset.
            00:01.012  Fetch waits up to 500 ms
                Broker 1 had nothing new for this fetch yet and made it wait, at most 500 ms.
            00:01.012  Fetch from 1 arrived
                Broker 1 received broker 2's Fetch request: it asked for records of rides-0 from offset 1, so
                    it holds everything before that offset.
            00:01.012  High watermark 0 → 1
                All in-sync replicas of rides-0 have offset 0: it is committed, and consumers may read it.
            00:01.012  Produce answered: offset 0
                Broker 1 answered the produce request: the records of rides-0 are stored from offset 0.
            00:01.012  Fetch waits up to 500 ms
                Broker 1 had nothing new for this fetch yet and made it wait, at most 500 ms.
            00:01.012  Answered: stored at 0
                Broker 1 answered producer riders' Produce request: the records are stored in rides-0 from
                    offset 0.
            00:01.013  Answer arrived: stored at 0
                Producer riders received the answer to its Produce request from broker 1: the records are
                    stored in rides-0 from offset 0.
            00:01.013  Batch acknowledged at offset 0
                Producer riders heard that rides-0 has stored 1 record from offset 0 on.
            00:01.055  Batch of 1 sent
                Producer riders sent a batch of 1 record for rides-0.
            00:01.055  Produce · 1 sent
                Producer riders asked broker 1 to store 1 record in rides-0: with acks=all the leader answers
                    when every in-sync replica has it.
            00:01.055  Produce · 1 arrived
                Broker 1 received producer riders' Produce request: it asked to store 1 record in rides-0; with
                    acks=all the leader answers when every in-sync replica has it.
            00:01.055  Offset 1 appended
                Broker 1 wrote offset 1 of rides-0 to its log as leader of epoch 0.
            00:01.055  Produce waits for offset 2
                Broker 1 made the producer of rides-0 wait until every in-sync replica has all before offset 2.
            00:01.055  Answered: 1 record
                Broker 1 answered broker 3's Fetch request: 1 record of rides-0 from offset 1.
            00:01.055  Answered: 1 record
                Broker 1 answered broker 2's Fetch request: 1 record of rides-0 from offset 1.
        "#]],
    );
}

#[test]
fn a_broker_dies_in_words() {
    let run = run_until(SimTime(seconds(12)));
    let trace = all(&run);
    let wanted = |entry: &&Entry| {
        matches!(category(&entry.event), Category::Faults | Category::Controller)
            && entry.time >= SimTime(seconds(2))
            && !matches!(&entry.event, Event::MetadataApplied { .. } | Event::BrokerRegistered { .. })
            && super::words::place(&entry.event).is_none_or(|at| &*at.topic == "rides")
    };
    let about: Vec<Entry> = trace.iter().filter(wanted).take(24).cloned().collect();
    check(
        told(&about, &Names::of(run.world())),
        expect![[r#"
            00:02.000  Broker 1 killed
                Broker 1 was killed: its connections end and its memory is gone, but the page cache keeps what
                    it wrote.
            00:09.010  Broker 1 fenced
                The controller fenced broker 1: it no longer counts on it, and others lead in its place.
            00:09.010  Broker 2 elected, epoch 1
                The controller elected broker 2 to lead rides-0 in epoch 1.
            00:09.010  Leader 2, in sync 2, 3
                The controller decided for rides-0: broker 2 leads in epoch 1, in-sync replicas 2, 3.
            00:09.012  Leads in epoch 1
                Broker 2 became leader of rides-0 in epoch 1: it takes the writes.
            00:09.013  Follows broker 2 in epoch 1
                Broker 3 became a follower of broker 2 for rides-0 in epoch 1: it fetches from there.
        "#]],
    );
}

#[test]
fn a_whole_run_is_english() {
    let run = run_until(SimTime(seconds(12)));
    let names = Names::of(run.world());
    for entry in run.branch().trace() {
        check_english(entry, &names);
        if let Event::Sent { frame, .. } | Event::Received { frame, .. } = &entry.event {
            assert!(!sentence(entry, &names).contains(" byte"), "not understood: {}", frame_name(frame));
            let label = frame_label(frame, &names);
            assert!((1..40).contains(&label.chars().count()), "{label}");
        }
    }
}

#[test]
fn the_chain_of_causes() {
    let run = run_until(SimTime(seconds(2)));
    let committed = find::next(run.branch(), 0, StepKind::RecordCommitted).unwrap_or(0);
    let Some(inspection) = inspect(&run, committed) else { panic!("nothing was committed") };
    let mut text = format!("{}\n{}\n{}\n", inspection.title, inspection.subtitle, inspection.sentence);
    for (name, value) in &inspection.facts {
        let _ = writeln!(text, "{name}: {value}");
    }
    for step in &inspection.why.steps {
        let _ = writeln!(text, "<- {} {}", step.time, step.sentence);
    }
    for (_, title) in &inspection.leads_to {
        let _ = writeln!(text, "-> {title}");
    }
    check(
        text,
        expect![[r#"
            High watermark 0 → 1
            rides 0 · broker 1 · 00:01.012 · event 315
            All in-sync replicas of rides-0 have offset 0: it is committed, and consumers may read it.
            partition: rides-0
            role: leader
            high watermark: 0 → 1
            <- 00:01.012 Broker 1 received broker 2's Fetch request: it asked for records of rides-0 from
                    offset 1, so it holds everything before that offset.
            <- 00:01.012 Broker 2 copied offset 0 of rides-0 to its log; the leader learns that with its next
                    fetch.
            <- 00:01.012 Broker 2 received the answer to its Fetch request from broker 1: 1 record of rides-0
                    from offset 0.
            <- 00:01.011 Broker 1 wrote offset 0 of rides-0 to its log as leader of epoch 0.
            <- 00:01.011 Broker 1 received producer riders' Produce request: it asked to store 1 record in
                    rides-0; with acks=all the leader answers when every in-sync replica has it.
            <- 00:01.010 Producer riders sent a batch of 1 record for rides-0.
            <- 00:01.010 Producer riders received the answer to its ApiVersions request from broker 1: it
                    speaks 53 kinds of request.
            <- 00:01.010 Broker 1 received producer riders' ApiVersions request: it asked which requests and
                    versions it speaks.
            <- 00:01.008 Producer riders' timer ran out: a batch may have lingered long enough.
            <- 00:01.003 Producer riders received the answer to its Metadata request from broker 3: 3 brokers
                    and 1 topic.
            <- 00:01.003 Broker 3 received producer riders' Metadata request: it asked who leads rides.
            <- 00:01.002 Producer riders received the answer to its ApiVersions request from broker 3: it
                    speaks 53 kinds of request.
            -> Produce answered: offset 0
            -> Answered: stored at 0
        "#]],
    );
}

#[test]
fn causes_and_effects_agree() {
    let run = run_until(SimTime(seconds(3)));
    let (branch, names) = (run.branch(), Names::of(run.world()));
    for entry in branch.trace().iter().step_by(7) {
        let chain = why::why(branch, &names, entry.seq);
        assert!(chain.steps.len() <= why::WHY_MAX);
        assert!(chain.steps.windows(2).all(|pair| pair[0].seq > pair[1].seq), "later causes come first");
        assert!(chain.steps.iter().all(|step| step.seq < entry.seq));
        for (effect, _) in why::leads_to(branch, &names, entry.seq) {
            assert_eq!(branch.entry(effect).map(|effect| effect.cause), Some(entry.seq));
        }
    }
}

#[test]
fn a_batch_inside_a_request_is_opened_up() {
    let run = run_until(SimTime(seconds(2)));
    let is_produce = |entry: &&Entry| match &entry.event {
        Event::Sent { frame, .. } => frame.info.api_key == 0 && frame.info.kind == FrameKind::Request,
        _ => false,
    };
    let seq = run.branch().trace().iter().find(is_produce).map_or(0, |entry| entry.seq);
    let Some(view) = inspect(&run, seq).and_then(|inspection| inspection.frame) else { panic!("no frame") };
    let mut text = format!("{}, {} to {}, {} bytes\n", view.name, view.from, view.to, view.size_bytes);
    for field in &view.fields {
        let indent = "  ".repeat(field.depth.into());
        let leaf = if field.is_leaf { "" } else { " +" };
        let _ =
            writeln!(text, "{indent}{} {} [{}..{}]{leaf}", field.name, field.value, field.start, field.end);
    }
    check(
        text,
        expect![[r#"
        Produce v13 request, producer riders to broker 1, 115 bytes
        requestApiKey 0 [0..2]
        requestApiVersion 13 [2..4]
        correlationId 4 [4..8]
        clientId "" [8..10]
        _tagged_fields 0 [10..11]
        transactionalId null [11..12]
        acks -1 [12..14]
        timeoutMs 30000 [14..18]
        topicData 1 elements [18..114] +
          [0]  [19..114] +
            topicId 98mUZoXaWH-57J_hppwfzg [19..35]
            partitionData 1 elements [35..113] +
              [0]  [36..113] +
                index 0 [36..40]
                records 71 bytes [40..112] +
                  RecordBatch offsets 0 to 0 [41..112] +
                    baseOffset 0 [41..49]
                    batchLength 59 [49..53]
                    partitionLeaderEpoch -1 [53..57]
                    magic 2 [57..58]
                    crc 0x1321eb6d, valid [58..62]
                    attributes 0x0000: none, CreateTime [62..64]
                    lastOffsetDelta 0 [64..68]
                    baseTimestamp 1767225601003 [68..76]
                    maxTimestamp 1767225601003 [76..84]
                    producerId 0 [84..92]
                    producerEpoch 0 [92..94]
                    baseSequence 0 [94..98]
                    recordsCount 1 [98..102]
                    record 0  [102..112] +
                      length 9 [102..103]
                      attributes 0 [103..104]
                      timestampDelta 0 [104..105]
                      offsetDelta 0 [105..106]
                      keyLength 1 [106..107]
                      key N [107..108]
                      valueLength 2 [108..109]
                      value v0 [109..111]
                      headersCount 0 [111..112]
                _tagged_fields 0 [112..113]
            _tagged_fields 0 [113..114]
        _tagged_fields 0 [114..115]
    "#]],
    );
}

#[test]
fn a_batch_in_a_log() {
    let run = run_until(SimTime(seconds(2)));
    let at = TopicPartition::new("rides", 0);
    let Some(view) = inspect_batch(run.world(), 2, &at, 1) else { panic!("no such batch") };
    let mut text = format!("{}\n", view.title);
    for (name, value) in &view.facts {
        let _ = writeln!(text, "{name}: {value}");
    }
    for record in &view.records {
        let _ = writeln!(text, "{} {} {:?} {:?}", record.offset, record.timestamp, record.key, record.value);
    }
    for row in hex_rows(&view.bytes, &view.fields).iter().take(10) {
        let runs: Vec<String> =
            row.runs.iter().map(|run| format!("{}:{}={}", run.colour, run.hex, run.text)).collect();
        let _ = writeln!(text, "{:04x}  {}", row.offset, runs.join(" | "));
    }
    check(
        text,
        expect![[r#"
            rides-0, offset 1
            offsets: 1–1
            records: 1
            size: 71 bytes
            leader epoch: 0
            timestamps: CreateTime
            latest timestamp: 2026-01-01 00:00:01.050
            compression: none
            producer id: 0, epoch 0
            sequence numbers: 1–1
            CRC-32C: 0xaf8a04eb, valid
            1 2026-01-01 00:00:01.050 Some("S") Some("v1")
            0000  0:00 00 00 00 00 00 00 01=········
            0008  1:00 00 00 3b=···; | 2:00 00 00 00=····
            0010  3:02=· | 4:af 8a 04 eb=···· | 5:00 00=·· | 0:00=·
            0018  0:00 00 00=··· | 1:00 00 01 9b 76=····v
            0020  1:da ac 1a=··· | 2:00 00 01 9b 76=····v
            0028  2:da ac 1a=··· | 3:00 00 00 00 00=·····
            0030  3:00 00 00=··· | 4:00 00=·· | 5:00 00 00=···
            0038  5:01=· | 0:00 00 00 01=···· | 1:12=· | 2:00=· | 3:00=·
            0040  4:00=· | 5:02=· | 0:53=S | 1:04=· | 2:76 31=v1 | 3:00=·
        "#]],
    );
    assert_eq!(inspect_batch(run.world(), 2, &at, -1), None);
    assert_eq!(inspect_batch(run.world(), 2, &at, i64::MAX), None);
    assert_eq!(inspect_batch(run.world(), 9, &at, 0), None);
}

/// Every byte once, in order; neighbours of different fields look different.
fn check_rows(bytes: &[u8], fields: &[FieldView]) {
    let rows = hex_rows(bytes, fields);
    let mut next = 0;
    for run in rows.iter().flat_map(|row| &row.runs) {
        assert_eq!(run.start, next);
        assert!(run.end > run.start && run.colour < COLOURS);
        let digits: Vec<String> =
            bytes[run.start as usize..run.end as usize].iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(run.hex, digits.join(" "));
        assert_eq!(run.text.chars().count() as u32, run.end - run.start);
        if let Some(field) = run.field {
            let field = &fields[field as usize];
            assert!(field.start <= run.start && run.end <= field.end);
        }
        next = run.end;
    }
    assert_eq!(next as usize, bytes.len());
    assert_eq!(rows.len(), bytes.len().div_ceil(BYTES_PER_ROW));
}

fn check_frame(frame: crate::trace::Frame) {
    let view = frame_view(&frame, &Names::default(), "a".into(), "b".into());
    check_rows(&view.bytes, &view.fields);
    for field in &view.fields {
        assert!(field.start <= field.end && field.end as usize <= view.bytes.len(), "{field:?}");
    }
    let (conn, to) = (crate::base::ConnId(1), NodeId(2));
    check_utterable(entry(Event::Received { conn, from: to, frame: frame.clone() }));
    check_utterable(entry(Event::Sent { conn, to, frame }));
}

fn check_utterable(entry: Entry) {
    assert!(!sentence(&entry, &Names::default()).is_empty());
    assert!(!title(&entry, &Names::default()).is_empty());
}

#[test]
fn every_byte_of_a_run_is_shown_once() {
    let run = run_until(SimTime(seconds(3)));
    for entry in run.branch().trace() {
        if let Event::Sent { frame, .. } = &entry.event {
            let view = frame_view(frame, &Names::of(run.world()), String::new(), String::new());
            assert_eq!(view.error, None, "{}", view.name);
            check_rows(&view.bytes, &view.fields);
        }
    }
    check_rows(&[], &[]);
    check_rows(&[7; 33], &[]);
}

#[test]
fn nonsense_is_shown_too() {
    let mut rng = Rng::stream(1, "nonsense");
    let mut random = |limit: u64| rng.below(limit);
    for api in ApiKey::ALL {
        for version in [0, 1, 4, 9, 12, 17, i16::MAX] {
            for kind in [FrameKind::Request, FrameKind::Response] {
                let mut bytes: Vec<u8> = (0..random(120)).map(|_| random(256) as u8).collect();
                if kind == FrameKind::Request && random(2) == 0 {
                    let mut header = api.code().to_be_bytes().to_vec();
                    header.extend(version.to_be_bytes());
                    header.extend([0, 0, 0, 7, 0, 0]);
                    bytes.splice(0..0, header);
                }
                check_frame(frame(kind, api.code(), version, bytes.into()));
            }
        }
    }
    check_frame(frame(FrameKind::Request, -1, -1, Bytes::new()));
}

#[test]
fn damaged_frames_are_shown_too() {
    let run = run_until(SimTime(seconds(2)));
    let mut rng = Rng::stream(2, "damage");
    for entry in run.branch().trace().iter() {
        let Event::Sent { frame: whole, .. } = &entry.event else { continue };
        let mut bytes = whole.bytes.whole().to_vec();
        if bytes.is_empty() {
            continue;
        }
        let at = rng.below(bytes.len() as u64) as usize;
        bytes[at] = rng.below(256) as u8;
        bytes.truncate(rng.below(bytes.len() as u64 * 2) as usize);
        let info = whole.info;
        check_frame(frame(info.kind, info.api_key, info.api_version, bytes.into()));
    }
}

#[test]
fn kinds_can_be_looked_for() {
    let run = run_until(SimTime(seconds(12)));
    let branch = run.branch();
    for kind in [
        StepKind::RecordAppended,
        StepKind::RecordReplicated,
        StepKind::RecordCommitted,
        StepKind::RecordAcknowledged,
        StepKind::RequestSent,
        StepKind::LeaderElected,
        StepKind::IsrChanged,
        StepKind::Fault,
    ] {
        let Some(first) = find::next(branch, 0, kind) else { panic!("no {}", kind.label()) };
        assert_eq!(find::previous(branch, first, kind), None);
        assert_eq!(find::previous(branch, first + 1, kind), Some(first));
    }
    assert_eq!(find::next(branch, 0, StepKind::Violation), None);
    assert_eq!(find::previous(branch, u64::MAX, StepKind::Violation), None);
    for kind in StepKind::ALL {
        assert_eq!(StepKind::named(kind.name()), Some(*kind));
        assert!(find::absence(*kind).contains(kind.label()));
    }
}

#[test]
fn names_are_those_of_the_world() {
    let run = run_until(SimTime(seconds(1)));
    let names = Names::of(run.world());
    let said: Vec<String> = run.world().nodes().map(|(id, _)| names.node(id)).collect();
    assert_eq!(
        said.join(", "),
        "broker 1, broker 2, broker 3, the controller, the admin client, producer riders"
    );
    assert_eq!(names.node_first(crate::sim::CONTROLLER), "The controller");
    assert_eq!(names.node(NodeId(77)), "node 77");
    assert_eq!(Arc::<str>::from(names.node_short(crate::sim::CONTROLLER)), "controller".into());
}
