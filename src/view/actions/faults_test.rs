//! What is offered to break, and that every offer is a command that the world obeys.

use std::fmt::Write;

use expect_test::{Expect, expect};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::base::{NodeId, SimTime, seconds};
use crate::protocol::TopicPartition;
use crate::sim::{CONTROLLER, Run};
use crate::view::fixture::run_until;

/// The items as a reader meets them, with the command that each makes of what stands there at first;
/// each is obeyed, and a step back undoes it.
fn told(run: &mut Run, items: &[Item], depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    for item in items {
        let command = match item {
            Item::More(title, items) => {
                let _ = writeln!(text, "{indent}{title}:");
                told(run, items, depth + 1, text);
                continue;
            }
            Item::Do(title, command) => {
                let _ = writeln!(text, "{indent}{title}");
                command.clone()
            }
            Item::Form(title, fields, word, make) => {
                let values: Vec<String> = fields.iter().map(|field| field.value.clone()).collect();
                let said = fields.iter().map(|field| format!("{} = {}", field.label, field.value));
                let _ = writeln!(text, "{indent}{title} … {} [{word}]", said.collect::<Vec<_>>().join(", "));
                for field in fields.iter().filter(|field| !field.choices.is_empty()) {
                    assert!(field.choices.contains(&field.value), "{field:?}");
                }
                make(&values).unwrap_or_else(|trouble| panic!("{title}: {trouble}"))
            }
        };
        let before = run.world().digest();
        run.command(&command).unwrap_or_else(|error| panic!("{}: {error}", item.title()));
        assert_ne!(run.world().digest(), before, "{}", item.title());
        run.step_back();
        assert_eq!(run.world().digest(), before, "{}", item.title());
    }
}

fn check(run: &mut Run, items: &[Item], expected: Expect) {
    let mut text = String::new();
    told(run, items, 0, &mut text);
    expected.assert_eq(&text);
}

#[test]
fn a_server_and_its_disk() {
    let mut run = run_until(SimTime(seconds(2) - 1));
    let items = {
        let slot = run.world().node(NodeId(1)).expect("broker 1");
        [server_faults(slot), broker_faults(slot)].concat()
    };
    check(
        &mut run,
        &items,
        expect![[r#"
        Slow disk … An fsync takes, in ms = 200 [Slow it]
        Wrong clock … Ahead of the others, in ms (negative: behind) = 60000 [Set the clock]
        Fill the disk
        Corrupt a byte … Replica = rides 0, Byte, counted from 0 (empty: the middle) =  [Flip its bits]
    "#]],
    );
    let node = || "broker-1".to_owned();
    for command in [
        Command::SlowDisk { node: node(), flush_ms: Some(200) },
        Command::SkewClock { node: node(), by_ms: -1_500 },
        Command::SetDiskFull { broker: node(), on: true },
    ] {
        run.command(&command).expect("obeyed");
    }
    let (items, facts) = {
        let slot = run.world().node(NodeId(1)).expect("broker 1");
        ([server_faults(slot), broker_faults(slot)].concat(), broken(run.world(), slot))
    };
    expect![[r#"[("disk", "full"), ("an fsync takes", "200 ms"), ("clock", "1500 ms behind")]"#]]
        .assert_eq(&format!("{facts:?}"));
    check(
        &mut run,
        &items,
        expect![[r#"
        Slow disk … An fsync takes, in ms = 200 [Slow it]
        Disk as fast as the others’
        Wrong clock … Ahead of the others, in ms (negative: behind) = 60000 [Set the clock]
        Set the clock right
        Make room on the disk
        Corrupt a byte … Replica = rides 0, Byte, counted from 0 (empty: the middle) =  [Flip its bits]
    "#]],
    );
    let controller = server_faults(run.world().node(CONTROLLER).expect("the controller"));
    check(
        &mut run,
        &controller,
        expect![[r#"
        Slow disk … An fsync takes, in ms = 200 [Slow it]
        Wrong clock … Ahead of the others, in ms (negative: behind) = 60000 [Set the clock]
    "#]],
    );
}

#[test]
fn a_link_both_ways_and_one_way() {
    let mut run = run_until(SimTime(seconds(2) - 1));
    let items = link_faults(run.world(), "broker-1", "riders");
    check(
        &mut run,
        &items,
        expect![[r#"
            Cut it, both ways
            Slow it, both ways … Latency one way, in ms = 80 [Slow it]
            What broker-1 sends to riders:
              Cut the link this way only
              Slow the link this way only … Latency this way, in ms = 80 [Slow it]
              Lose the next message … What = response, Of which API = of any kind, How many = 1 [Lose it]
              Delay the next message … What = response, Of which API = of any kind, How many = 1, Later by, in ms = 500 [Delay it]
              Deliver the next message twice … What = response, Of which API = of any kind, How many = 1 [Double it]
            What riders sends to broker-1:
              Cut the link this way only
              Slow the link this way only … Latency this way, in ms = 80 [Slow it]
              Lose the next message … What = request, Of which API = of any kind, How many = 1 [Lose it]
              Delay the next message … What = request, Of which API = of any kind, How many = 1, Later by, in ms = 500 [Delay it]
              Deliver the next message twice … What = request, Of which API = of any kind, How many = 1 [Double it]
        "#]],
    );
    let (a, b) = ("broker-1".to_owned(), "riders".to_owned());
    run.command(&Command::CutOneWay { from: a.clone(), to: b.clone() }).expect("obeyed");
    run.command(&Command::SlowOneWay { from: b, to: a, latency_ms: 9 }).expect("obeyed");
    let items = link_faults(run.world(), "riders", "broker-1");
    let titles: Vec<&str> = items.iter().map(Item::title).collect();
    expect![[r#"
        Mend it
        Cut it, both ways
        Slow it, both ways
        Usual latency
        What riders sends to broker-1
        What broker-1 sends to riders"#]]
    .assert_eq(&titles.join("\n"));
    assert!(link_faults(run.world(), "riders", "nobody").is_empty());
    let links = links_of(run.world(), NodeId(1));
    let titles: Vec<&str> = links.iter().map(Item::title).collect();
    expect![[r#"
        Link to broker-2
        Link to broker-3
        Link to controller"#]]
    .assert_eq(&titles.join("\n"));
}

#[test]
fn a_partition_and_its_topic() {
    let mut run = run_until(SimTime(seconds(2) - 1));
    let items = partition_faults(run.world(), &TopicPartition::new("rides", 0));
    check(
        &mut run,
        &items,
        expect![[r#"
        Corrupt a byte … On whose disk = broker-1, Byte, counted from 0 (empty: the middle) =  [Flip its bits]
        Add partitions … Partitions then = 2 [Add them]
        Delete topic rides
    "#]],
    );
    assert!(partition_faults(run.world(), &TopicPartition::new("__consumer_offsets", 0)).is_empty());
}

#[test]
fn a_message_in_flight() {
    let mut run = run_until(SimTime(seconds(2) - 1));
    while run.world().flights().is_empty() {
        run.step();
    }
    let sent = run.world().flights()[0].entry;
    let items = flight_faults(sent).map(|(title, command)| Item::Do(title, command));
    check(
        &mut run,
        &items,
        expect![[r#"
        Drop it
        Delay it by 500 ms
        Deliver it twice
    "#]],
    );
}

#[test]
fn what_was_typed_wrongly_is_said() {
    let run = run_until(SimTime(seconds(2) - 1));
    let slot = run.world().node(NodeId(1)).expect("broker 1");
    let items = server_faults(slot);
    let Some(Item::Form(.., make)) = items.first() else { panic!("a form") };
    let trouble = make(&["soon".to_owned()]).expect_err("no number");
    assert_eq!(trouble, "The time is a whole number, not “soon”");
    assert!(make(&[]).is_err());
}
