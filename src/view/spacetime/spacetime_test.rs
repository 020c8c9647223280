use std::fmt::Write;

use expect_test::{Expect, expect};

use super::*;
use crate::base::{Map, NodeId, SimTime, ms, seconds};
use crate::protocol::TopicPartition;
use crate::sim::{Command, Run};
use crate::trace::Event;
use crate::view::Px;
use crate::view::fixture::run_until;
use crate::view::theatre::SvgColours;
use crate::view::words::{Names, frame_label, title};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const CANVAS: Canvas = Canvas { width: 900.0, height: 480.0 };

fn indexed(run: &Run) -> SpaceIndex {
    let mut index = SpaceIndex::default();
    index.update(run.branch());
    index
}

fn drawn(
    run: &Run,
    index: &SpaceIndex,
    filter: &Filter,
    from: u64,
    to: u64,
    causes: Option<&Causes>,
) -> Picture {
    let window = Window { from_us: from as f64, span_us: (to - from) as f64 };
    picture(index, run.branch(), &Names::of(run.world()), filter, window, CANVAS, causes)
}

fn told(run: &Run, index: &SpaceIndex, from: u64, to: u64) -> String {
    let names = Names::of(run.world());
    let mut text = String::new();
    for arrow in index.arrows().iter().filter(|arrow| arrow.sent.0 <= to && arrow.ended.0 >= from) {
        let Some(Event::Sent { frame, .. }) = run.branch().entry(arrow.seq).map(|entry| &entry.event) else {
            panic!("arrow {} has no entry", arrow.seq)
        };
        let (a, b) = (names.node_short(arrow.from), names.node_short(arrow.to));
        let label = frame_label(frame, &names);
        let _ = write!(text, "{} {a} → {b}: {label} ({}), {:?}", arrow.sent, arrow.flow.label(), arrow.end);
        if arrow.end != End::Flying {
            let _ = write!(text, " after {} µs", arrow.ended.since(arrow.sent));
        }
        match arrow.held {
            Some(held) => writeln!(text, ", held by its {held:?}"),
            None => writeln!(text),
        }
        .unwrap_or_default();
    }
    text
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(text);
}

#[test]
fn a_record_goes_its_way() {
    let run = run_until(SimTime(seconds(3)));
    check(
        &told(&run, &indexed(&run), ms(1_100), ms(1_108)),
        expect![[r#"
        00:01.105 riders → broker 1: Produce · 1 (produce), Arrived after 586 µs
        00:01.105 broker 1 → broker 2: 1 record (replicate), Arrived after 612 µs
        00:01.105 broker 1 → broker 3: 1 record (replicate), Arrived after 647 µs
        00:01.106 broker 2 → broker 1: Fetch from 3 (replicate), Arrived after 652 µs
        00:01.106 broker 3 → broker 1: Fetch from 3 (replicate), Arrived after 624 µs
        00:01.106 broker 1 → riders: stored at 2 (produce), Arrived after 677 µs
    "#]],
    );
}

#[test]
fn what_is_lost_or_held_back_says_so() {
    let mut run = run_until(SimTime(ms(1_200)));
    let names = ["broker-1", "broker-2"];
    run.command(&Command::Cut { a: names[0].into(), b: names[1].into() }).expect("a command");
    run.play_until(SimTime(ms(1_320)), 100_000);
    run.command(&Command::Heal { a: names[0].into(), b: names[1].into() }).expect("a command");
    run.play_until(SimTime(ms(1_400)), 100_000);
    run.command(&Command::Pause { node: "broker-1".into() }).expect("a command");
    run.play_until(SimTime(ms(1_460)), 100_000);
    run.command(&Command::Resume { node: "broker-1".into() }).expect("a command");
    run.play_until(SimTime(ms(1_490)), 100_000);
    while run.world().flights().is_empty() && run.step() {}
    let flight = run.world().flights().first().expect("something is on its way").entry;
    run.command(&Command::Drop { sent: flight }).expect("a command");
    run.play_until(SimTime(ms(1_500)), 100_000);
    run.command(&Command::Kill { node: "broker-1".into() }).expect("a command");
    run.play_until(SimTime(ms(1_600)), 100_000);
    let index = indexed(&run);
    let mut text = String::new();
    for line in told(&run, &index, ms(1_200), ms(1_600)).lines() {
        if line.contains("held") || line.contains("Dropped") || line.contains("Refused") {
            let _ = writeln!(text, "{line}");
        }
    }
    check(
        &text,
        expect![[r#"
            00:01.205 broker 1 → broker 2: 1 record (replicate), Arrived after 115045 µs, held by its Link
            00:01.405 riders → broker 1: Produce · 1 (produce), Arrived after 55000 µs, held by its Receiver
            00:01.455 riders → broker 1: Produce · 1 (produce), Arrived after 5000 µs, held by its Receiver
            00:01.505 riders → broker 1: Produce · 1 (produce), Dropped after 0 µs
            00:01.505 controller → broker 1: 1 record (cluster), Refused after 659 µs
            00:01.555 broker 3 → broker 1: ApiVersions (cluster), Refused after 1765 µs
            00:01.555 broker 2 → broker 1: ApiVersions (cluster), Refused after 1897 µs
            00:01.593 riders → broker 1: ApiVersions (cluster), Refused after 1935 µs
        "#]],
    );
    let picture = drawn(&run, &index, &Filter::default(), ms(1_200), ms(1_600), None);
    assert_eq!(picture.banners.len(), 2, "cut and mended");
    assert!(picture.paths.iter().any(|(_, paint, _)| *paint == Paint::Lost));
    assert!(picture.paths.iter().any(|(_, paint, _)| matches!(paint, Paint::Held(_))));
    assert!(picture.paths.iter().any(|(_, paint, _)| *paint == Paint::Life(Life::Paused)));
    assert!(picture.paths.iter().any(|(_, paint, _)| *paint == Paint::Life(Life::Down)));
}

#[test]
fn a_picture() {
    let run = run_until(SimTime(seconds(3)));
    let index = indexed(&run);
    let picture = drawn(&run, &index, &Filter::default(), ms(1_100), ms(1_110), None);
    let mut text = String::new();
    for row in &picture.rows {
        let _ = writeln!(text, "{:>12} {}", row.name, Px(row.y));
    }
    let ticks: Vec<String> =
        picture.ticks.iter().map(|tick| format!("{} {}", Px(tick.x), tick.label)).collect();
    let _ = writeln!(text, "{}", ticks.join(", "));
    for label in &picture.labels {
        let _ = writeln!(text, "{:.0},{:.0} {} ({})", label.x, label.y, label.text, label.paint.class());
    }
    for (dim, paint, d) in &picture.paths {
        let _ = writeln!(text, "{} {dim} {}", paint.class(), d.matches('M').count());
    }
    check(
        &text,
        expect![[r#"
              controller 75.83
            admin client 147.5
                  riders 219.17
                broker 1 290.83
                broker 2 362.5
                broker 3 434.17
            124 00:01.100, 277.2 00:01.102, 430.4 00:01.104, 583.6 00:01.106, 736.8 00:01.108, 890 00:01.110
            534,259 Produce · 1 (ray f-produce)
            580,330 1 record (ray f-replicate reply)
            577,352 1 record (ray f-replicate reply)
            634,323 Fetch from 3 (ray f-replicate)
            626,380 Fetch from 3 (ray f-replicate)
            680,259 stored at 2 (ray f-produce reply)
            552,282 Offset 2 appended (mark s-log)
            601,425 Offset 2 replicated (mark s-log)
            649,306 High watermark 2 → 3 (mark s-log)
            168,210 Record 3 queued (mark s-client)
            507,210 Batch of 1 sent (mark s-client)
            701,210 Batch acknowledged at offset 2 (mark s-client)
            life up false 6
            ray f-produce false 1
            ray f-produce reply false 1
            ray f-replicate false 2
            ray f-replicate reply false 2
            barb f-produce false 1
            barb f-produce reply false 1
            barb f-replicate false 2
            barb f-replicate reply false 2
            mark s-timer false 2
            mark s-waiting false 2
            mark s-client false 3
            mark s-log false 4
        "#]],
    );
}

#[test]
fn words_do_not_cover_one_another() {
    let run = run_until(SimTime(seconds(3)));
    let index = indexed(&run);
    for span in [ms(2), ms(10), ms(40), ms(200)] {
        let picture = drawn(&run, &index, &Filter::default(), ms(1_000), ms(1_000) + span, None);
        assert!(!picture.labels.is_empty());
        let flat: Vec<_> = picture.labels.iter().filter(|label| label.slope == (1.0, 0.0)).collect();
        for (number, a) in flat.iter().enumerate() {
            for b in &flat[number + 1..] {
                let left = |label: &Label| {
                    let wide = label.text.chars().count() as f64 * 5.9;
                    if label.at_start {
                        (label.x, label.x + wide)
                    } else {
                        (label.x - wide / 2.0, label.x + wide / 2.0)
                    }
                };
                let ((a1, a2), (b1, b2)) = (left(a), left(b));
                let apart = a2 <= b1 || b2 <= a1 || (a.y - b.y).abs() >= 9.0;
                assert!(apart, "{} lies over {} in {span} µs", a.text, b.text);
            }
        }
    }
}

#[test]
fn however_much_happened_the_picture_is_small() {
    let run = run_until(SimTime(seconds(20)));
    let index = indexed(&run);
    let whole = drawn(&run, &index, &Filter::default(), 0, seconds(20), None);
    assert!(whole.dense && whole.frames > 1_000, "{} frames", whole.frames);
    let length: usize = whole.paths.iter().map(|(_, _, d)| d.len()).sum();
    assert!(length < 200_000, "{length} bytes of paths");
    assert!(whole.paths.iter().any(|(_, paint, _)| matches!(paint, Paint::Bar(_))));
    // Near, each is there.
    let near = drawn(&run, &index, &Filter::default(), seconds(10), seconds(10) + ms(20), None);
    assert!(!near.dense && near.frames > 0);
}

#[test]
fn reading_bit_by_bit_is_reading_at_once() {
    let mut run = run_until(SimTime(ms(900)));
    let mut index = indexed(&run);
    for at in (950..2_400).step_by(70) {
        run.play_until(SimTime(ms(at)), 100_000);
        index.update(run.branch());
    }
    let fresh = indexed(&run);
    assert_eq!(index, fresh);
    // Another course of events is read from its beginning.
    run.go_to(1_000);
    run.command(&Command::Kill { node: "broker-2".into() }).expect("a command");
    run.play_until(SimTime(ms(2_500)), 100_000);
    index.update(run.branch());
    assert_eq!(index.arrows(), indexed(&run).arrows());
}

#[test]
fn a_story_is_the_chain_of_causes_and_all_that_follows() {
    let run = run_until(SimTime(ms(1_500)));
    let (branch, index) = (run.branch(), indexed(&run));
    let last = branch.trace().len() as u64;
    for chosen in (1..=last).step_by(37) {
        let past = Causes::of(&index, chosen, Lit::Past);
        let future = Causes::of(&index, chosen, Lit::Future);
        let both = Causes::of(&index, chosen, Lit::Both);
        let chain: Vec<u64> = branch.causes(chosen).iter().map(|entry| entry.seq).collect();
        for seq in 1..=last {
            let before = chain.contains(&seq);
            let after = branch.causes(seq).iter().any(|entry| entry.seq == chosen);
            assert_eq!(past.is_lit(seq), before, "{seq} before {chosen}");
            assert_eq!(future.is_lit(seq), after, "{seq} after {chosen}");
            assert_eq!(both.is_lit(seq), before || after, "{seq} around {chosen}");
        }
        let count = chain.len() as u64 - 1;
        assert_eq!(past.counts().0, count);
    }
}

#[test]
fn the_rest_stands_back_from_a_story() {
    let run = run_until(SimTime(seconds(3)));
    let index = indexed(&run);
    let chosen = index.arrows().iter().find(|arrow| arrow.flow == Flow::Produce).expect("a record was sent");
    let causes = Causes::of(&index, chosen.seq, Lit::Both);
    let (from, to) = (chosen.sent.0 - ms(2), chosen.sent.0 + ms(200));
    let picture = drawn(&run, &index, &Filter::default(), from, to, Some(&causes));
    assert!(picture.paths.iter().any(|(dim, paint, _)| *dim && matches!(paint, Paint::Line(..))));
    assert!(
        picture
            .paths
            .iter()
            .any(|(dim, paint, _)| !*dim && matches!(paint, Paint::Line(Flow::Produce, false)))
    );
    assert!(picture.labels.iter().all(|label| {
        let arrow = index.arrow(label.seq);
        causes.is_lit(label.seq) || arrow.is_some_and(|arrow| causes.is_lit(arrow.end_seq))
    }));
}

#[test]
fn filters_leave_out_what_they_say() {
    let run = run_until(SimTime(seconds(3)));
    let mut index = indexed(&run);
    let (from, to) = (ms(1_000), ms(1_060));
    let all = drawn(&run, &index, &Filter::default(), from, to, None);
    let mut filter = Filter::default();
    filter.nodes.insert(NodeId(3));
    let without = drawn(&run, &index, &filter, from, to, None);
    assert_eq!(without.rows.len() + 1, all.rows.len());
    assert!(without.frames < all.frames);
    let filter = Filter {
        flows: Flow::ALL.into_iter().collect(),
        sorts: Sort::ALL.into_iter().collect(),
        ..Filter::default()
    };
    let nothing = drawn(&run, &index, &filter, from, to, None);
    assert!(nothing.is_empty() && nothing.labels.is_empty() && nothing.spots.is_empty());
    let at = TopicPartition::new("rides", 0);
    let filter = Filter { partition: Some(at.clone()), ..Filter::default() };
    index.choose(run.branch(), &Names::of(run.world()), Some(&at));
    let of_partition = drawn(&run, &index, &filter, from, to, None);
    assert!(of_partition.frames > 0 && of_partition.frames < all.frames);
    let elsewhere = TopicPartition::new("nowhere", 0);
    let filter = Filter { partition: Some(elsewhere.clone()), ..Filter::default() };
    index.choose(run.branch(), &Names::of(run.world()), Some(&elsewhere));
    assert_eq!(drawn(&run, &index, &filter, from, to, None).frames, 0);
}

#[test]
fn frames_say_which_partitions_they_are_about() {
    let run = run_until(SimTime(seconds(3)));
    let names = Names::of(run.world());
    let mut seen: Map<String, String> = Map::new();
    for entry in run.branch().trace() {
        let Event::Sent { frame, .. } = &entry.event else { continue };
        let about: Vec<String> = about(frame, &names).iter().map(ToString::to_string).collect();
        if !about.is_empty() {
            seen.insert(crate::view::words::frame_name(frame), about.join(" "));
        }
    }
    let lines: Vec<String> = seen.iter().map(|(name, about)| format!("{name}: {about}")).collect();
    check(
        &lines.join("\n"),
        expect![[r#"
            CreateTopics v7 request: rides-0
            Fetch v18 request: __cluster_metadata-0
            Fetch v18 response: __cluster_metadata-0
            Metadata v13 response: rides-0
            Produce v13 request: rides-0
            Produce v13 response: rides-0"#]],
    );
}

#[test]
fn what_is_near_the_pointer_is_hit() {
    let run = run_until(SimTime(seconds(3)));
    let index = indexed(&run);
    let picture = drawn(&run, &index, &Filter::default(), ms(1_100), ms(1_110), None);
    assert!(!picture.spots.is_empty());
    for spot in &picture.spots {
        let middle = ((spot.from.0 + spot.to.0) / 2.0, (spot.from.1 + spot.to.1) / 2.0);
        let hit = picture.hit(middle.0, middle.1).expect("something is there");
        assert!(picture.spots_of(hit).count() > 0);
    }
    assert_eq!(picture.hit(-50.0, -50.0), None);
}

#[test]
fn a_window_as_text_for_mermaid() {
    let run = run_until(SimTime(seconds(3)));
    let index = indexed(&run);
    let picture = drawn(&run, &index, &Filter::default(), ms(1_996), ms(2_004), None);
    let text = mermaid(&index, run.branch(), &Names::of(run.world()), &Filter::default(), &picture);
    check(
        &text,
        expect![[r#"
        sequenceDiagram
          participant n0 as controller
          participant n1 as admin client
          participant n2 as riders
          participant n3 as broker 1
          participant n4 as broker 2
          participant n5 as broker 3
          Note over n3: 00:02.000 Broker 1 killed
          Note over n2: 00:02.000 Record 21 queued
          n1->>n4: ApiVersions
          n2->>n4: ApiVersions
          n4-->>n1: ApiVersions response
          n4-->>n2: ApiVersions response
          n1->>n4: Metadata
          n2->>n4: Metadata
          n4-->>n2: Metadata response
          n4-->>n1: Metadata response
    "#]],
    );
}

#[test]
fn a_window_as_a_drawing() {
    let run = run_until(SimTime(seconds(3)));
    let index = indexed(&run);
    let picture = drawn(&run, &index, &Filter::default(), ms(1_990), ms(2_030), None);
    let svg = svg(&picture, "A <leader> dies", &SvgColours::LIGHT);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("A &lt;leader&gt; dies") && svg.contains(">controller<"));
    assert_eq!(svg.matches("<path").count(), picture.paths.len() + picture.ticks.len());
    assert_eq!(svg.matches('<').count(), svg.matches('>').count());
}

/// The trace of a run in Perfetto's form, read as JSON.
fn perfetto(run: &Run) -> Vec<serde_json::Value> {
    let names = Names::of(run.world());
    let mut perfetto = Perfetto::default();
    for entry in run.branch().trace() {
        perfetto.read(entry, &names);
    }
    let file: serde_json::Value = serde_json::from_str(&perfetto.finish(&names)).expect("JSON");
    file["traceEvents"].as_array().expect("events").clone()
}

#[test]
fn perfetto_is_told_everything() {
    let run = run_until(SimTime(seconds(4)));
    let events = perfetto(&run);
    let trace = run.branch().trace();
    let of =
        |phase: &str, cat: &str| events.iter().filter(|it| it["ph"] == phase && it["cat"] == cat).count();
    let count = |is_it: fn(&Event) -> bool| trace.iter().filter(|entry| is_it(&entry.event)).count();
    let is_request = |event: &Event| matches!(event, Event::Sent { frame, .. } if frame.info.kind == crate::base::FrameKind::Request);
    assert_eq!(of("X", "request"), count(is_request));
    let is_instant = |event: &Event| !matches!(event, Event::Sent { .. } | Event::Received { .. });
    assert_eq!(events.iter().filter(|it| it["ph"] == "i").count(), count(is_instant));
    let named: Vec<&str> = events
        .iter()
        .filter(|it| it["name"] == "process_name")
        .filter_map(|it| it["args"]["name"].as_str())
        .collect();
    for name in ["broker 1", "broker 2", "broker 3", "the controller", "producer riders"] {
        assert!(named.contains(&name), "{name} in {named:?}");
    }
    assert_eq!(of("s", "frame"), of("f", "frame"));
    assert!(of("s", "frame") > of("X", "request"));
    let states: Vec<_> = events
        .iter()
        .filter(|it| it["cat"] == "node" && it["pid"] == 1)
        .map(|it| it["name"].clone())
        .collect();
    assert_eq!(states, ["running", "down"]);
}

#[test]
fn perfettos_slices_lie_inside_one_another_and_its_arrows_in_slices() {
    let run = run_until(SimTime(seconds(4)));
    let events = perfetto(&run);
    let number = |it: &serde_json::Value, field: &str| it[field].as_u64().expect("a number");
    let mut threads: Map<(u64, u64), Vec<(u64, u64)>> = Map::new();
    for slice in events.iter().filter(|it| it["ph"] == "X") {
        let (from, length) = (number(slice, "ts"), number(slice, "dur"));
        threads.entry((number(slice, "pid"), number(slice, "tid"))).or_default().push((from, from + length));
    }
    for (thread, slices) in &mut threads {
        slices.sort_by_key(|(from, to)| (*from, std::cmp::Reverse(*to)));
        let mut open: Vec<(u64, u64)> = Vec::new();
        for slice in slices.iter() {
            while open.last().is_some_and(|outer| outer.1 <= slice.0) {
                open.pop();
            }
            assert!(open.last().is_none_or(|outer| slice.1 <= outer.1), "{slice:?} overlaps on {thread:?}");
            open.push(*slice);
        }
    }
    for arrow in events.iter().filter(|it| it["ph"] == "s" || it["ph"] == "f") {
        let at = number(arrow, "ts");
        let slices = &threads[&(number(arrow, "pid"), number(arrow, "tid"))];
        assert!(slices.iter().any(|(from, to)| *from <= at && at < *to), "{arrow} ends nowhere");
    }
}

#[test]
fn titles_are_those_of_the_inspector() {
    let run = run_until(SimTime(seconds(3)));
    let index = indexed(&run);
    let names = Names::of(run.world());
    let picture = drawn(&run, &index, &Filter::default(), ms(1_990), ms(2_010), None);
    let marks: Vec<&Label> =
        picture.labels.iter().filter(|label| matches!(label.paint, Paint::Point(_))).collect();
    assert!(marks.iter().any(|label| label.text == "Broker 1 killed"));
    for label in marks {
        assert_eq!(run.branch().entry(label.seq).map(|entry| title(entry, &names)), Some(label.text.clone()));
    }
}
