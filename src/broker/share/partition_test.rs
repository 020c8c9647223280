//! Stories of a share partition: what is done to it, and what is in flight then.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::base::ms;

const LIMIT: i16 = 2;

/// `a takes 0-2 3-5 [max=4]` fetches these batches at `now` + 10 ms until the lock runs out, `a says 0-2 1`
/// acknowledges (`0-2 1,0,3` for each offset), `a goes`, `at 15` is a time, `fails`: the last write did,
/// `log 4`: the log begins there.
fn play(partition: &mut SharePartition, script: &str) -> String {
    let (mut now, mut write) = (0, 0);
    let mut problem = "";
    for line in script.split(';') {
        let words: Vec<&str> = line.split_whitespace().collect();
        let span = |word: &str| {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            (first.parse().expect("an offset"), last.parse().expect("an offset"))
        };
        match words[..] {
            ["at", time] => {
                now = time.parse().expect("a time");
                partition.expire(SimTime(ms(now)), LIMIT);
            }
            ["log", offset] => partition.log_starts_at(offset.parse().expect("an offset")),
            ["fails"] => partition.written(write, false),
            [member, "goes"] => {
                partition.release(member, LIMIT);
            }
            [member, "says", offsets, types] | [member, "writes", offsets, types] => {
                write += 1;
                let (first_offset, last_offset) = span(offsets);
                let acknowledge_types = types.split(',').map(|kind| kind.parse().expect("a type")).collect();
                let batch = AcknowledgementBatch { first_offset, last_offset, acknowledge_types };
                match partition.acknowledge(member, &[batch], LIMIT, write) {
                    Ok(_) if words[1] == "says" => partition.written(write, true),
                    Ok(_) => {}
                    Err((error, _)) => problem = error.name(),
                }
            }
            [member, "takes", ..] => {
                let max = words.iter().find_map(|word| word.strip_prefix("max="));
                let batch = words.iter().find_map(|word| word.strip_prefix("batch="));
                let batches: Vec<(i64, i64)> =
                    words[2..].iter().filter(|word| !word.contains('=')).map(|word| span(word)).collect();
                partition.acquire(&Wish {
                    member: &Arc::from(member),
                    batches: &batches,
                    max_records: max.map_or(1_000, |max| max.parse().expect("a number")),
                    batch_size: batch.map_or(1_000, |batch| batch.parse().expect("a number")),
                    max_in_flight: 10,
                    until: SimTime(ms(now + 10)),
                });
            }
            _ => panic!("no command {line}"),
        }
    }
    let runs = partition.in_flight().map(|(first, last, state, count, member)| {
        let member = member.filter(|_| state == RecordState::Acquired).map_or("", |member| member);
        format!(" {first}-{last} {}{member}*{count}", &state.name()[..3])
    });
    let runs: String = runs.collect();
    let start = partition.start_offset();
    let next = partition.next_fetch_offset();
    format!("{start}:{runs} next {next}{}{problem}", if problem.is_empty() { "" } else { " " })
}

fn check(script: &str, expected: &str) {
    assert_eq!(play(&mut SharePartition::new(0), script), expected, "{script}");
}

#[test]
fn records_are_acquired_and_accepted() {
    check("a takes 0-2 3-5", "0: 0-5 Acqa*1 next 6");
    check("a takes 0-2 3-5; a says 0-2 1", "3: 3-5 Acqa*1 next 6");
    check("a takes 0-2 3-5; a says 3-5 1", "0: 0-2 Acqa*1 3-5 Ack*1 next 6");
    check("a takes 0-2 3-5; a says 3-5 1; a says 0-2 3", "6: next 6");
    check("a takes 0-2 3-5; a says 0-5 1,0,3,2,2,1", "3: 3-4 Ava*1 5-5 Ack*1 next 3");
}

#[test]
fn limits_hold_to_within_a_batch() {
    check("a takes 0-2 3-5 6-8 max=4", "0: 0-5 Acqa*1 next 6");
    check("a takes 0-2 3-5 6-8 batch=2", "0: 0-2 Acqa*1 3-5 Acqa*1 6-8 Acqa*1 next 9");
    check("a takes 0-7; b takes 8-20; c takes 21-22", "0: 0-7 Acqa*1 8-20 Acqb*1 next 21");
    check("a takes 3-4", "3: 3-4 Acqa*1 next 5");
}

#[test]
fn what_is_released_is_delivered_again_but_not_for_ever() {
    check("a takes 0-3; a says 1-2 2", "0: 0-0 Acqa*1 1-2 Ava*1 3-3 Acqa*1 next 1");
    check("a takes 0-3; a says 1-2 2; b takes 0-3", "0: 0-0 Acqa*1 1-2 Acqb*2 3-3 Acqa*1 next 4");
    check("a takes 0-3; a says 0-3 2; b takes 0-3 4-5; b says 0-3 2", "4: 4-5 Acqb*1 next 6");
    check("a takes 0-3; a goes; b takes 2-3", "0: 0-1 Ava*1 2-3 Acqb*2 next 0");
}

#[test]
fn locks_run_out() {
    check("a takes 0-1; at 5; b takes 2-3; at 9", "0: 0-1 Acqa*1 2-3 Acqb*1 next 4");
    check("a takes 0-1; at 5; b takes 2-3; at 10", "0: 0-1 Ava*1 2-3 Acqb*1 next 0");
    check("a takes 0-1; at 10; a takes 0-1; at 20", "2: next 2");
    let mut partition = SharePartition::new(0);
    play(&mut partition, "a takes 0-1; at 5; b takes 2-3");
    assert_eq!(partition.next_deadline(), Some(SimTime(ms(10))));
}

#[test]
fn only_the_holder_may_say_what_became_of_records() {
    check("a takes 0-3; b says 0-3 1", "0: 0-3 Acqa*1 next 4 INVALID_RECORD_STATE");
    check("a takes 0-3; a says 0-1 1; a says 1-2 1", "3: 3-3 Acqa*1 next 4");
    check("a takes 0-3; a says 2-3 1; a says 1-2 1", "0: 0-1 Acqa*1 2-3 Ack*1 next 4 INVALID_RECORD_STATE");
    check("a takes 0-3; a says 2-4 1", "0: 0-3 Acqa*1 next 4 INVALID_REQUEST");
    check("a takes 0-1; at 10; a says 0-1 1", "0: 0-1 Ava*1 next 0 INVALID_RECORD_STATE");
}

#[test]
fn what_is_not_written_yet_may_turn_out_not_to_be() {
    check("a takes 0-3; a writes 0-3 2; b takes 0-3", "0: 0-3 Ava*1 next 4");
    check("a takes 0-3; a writes 0-3 1; a says 0-3 1", "0: 0-3 Ack*1 next 4 INVALID_RECORD_STATE");
    check("a takes 0-3; a writes 0-3 1; fails", "0: 0-3 Acqa*1 next 4");
    check("a takes 0-3; a writes 0-3 1; fails; at 10", "0: 0-3 Ava*1 next 0");
}

#[test]
fn the_log_may_begin_later() {
    check("a takes 0-3; log 2", "2: 2-3 Acqa*1 next 4");
    check("a takes 0-3; log 9", "9: next 9");
    check("a takes 0-3; log 2; a says 0-3 1", "4: next 4");
}

#[test]
fn a_new_leader_knows_what_was_written() {
    let batch = |first_offset, last_offset, delivery_state, delivery_count| StateBatch {
        first_offset,
        last_offset,
        delivery_state,
        delivery_count,
    };
    let mut partition =
        SharePartition::restored(2, &[batch(2, 3, 2, 1), batch(6, 7, 0, 1), batch(9, 9, 4, 2)]);
    assert_eq!(play(&mut partition, "log 0"), "4: 4-5 Ava*0 6-7 Ava*1 8-8 Ava*0 9-9 Arc*2 next 4");
    assert_eq!(play(&mut partition, "a takes 4-9; a says 4-8 1"), "10: next 10");
}

#[test]
fn acknowledgements_have_to_be_in_order_and_whole() {
    let batch = |first_offset, last_offset, types: &[i8]| AcknowledgementBatch {
        first_offset,
        last_offset,
        acknowledge_types: types.to_vec(),
    };
    assert_eq!(check_batches(&[batch(0, 3, &[1]), batch(4, 5, &[0, 3])]), Ok(()));
    for wrong in [
        vec![batch(3, 0, &[1])],
        vec![batch(0, 3, &[1, 1])],
        vec![batch(0, 3, &[])],
        vec![batch(0, 3, &[4])],
        vec![batch(0, 3, &[1]), batch(3, 5, &[1])],
        vec![batch(i64::MIN, i64::MAX, &[1])],
    ] {
        assert_eq!(check_batches(&wrong).map_err(|(error, _)| error), Err(ErrorCode::InvalidRequest));
    }
}

/// Whatever members do, nobody has what somebody else has, nothing is delivered too often or accepted
/// twice, and in the end everything is done with.
#[test]
fn records_have_one_holder_at_a_time() {
    for seed in 0..200 {
        let mut rng = crate::base::Rng::stream(seed, "share");
        let mut partition = SharePartition::new(0);
        let (mut now, mut write) = (0, 0);
        let members: Vec<Arc<str>> = ["a", "b", "c"].into_iter().map(Arc::from).collect();
        let mut accepted = crate::base::Set::new();
        let log: Vec<(i64, i64)> = (0..20).map(|n| (n * 3, n * 3 + 2)).collect();
        for step in 0..400 {
            // In the end all accept whatever they get.
            let ends = step > 300;
            let who = rng.below(3) as usize;
            match if ends { rng.below(2) } else { rng.below(6) } {
                0 => {
                    let from = partition.next_fetch_offset();
                    let read = log.iter().filter(|(_, last)| *last >= from);
                    let read: Vec<_> = read.take(1 + rng.below(4) as usize).copied().collect();
                    let wish = Wish {
                        member: &members[who],
                        batches: &read,
                        max_records: 1 + rng.below(9) as i64,
                        batch_size: 1 + rng.below(9) as i64,
                        max_in_flight: 20,
                        until: SimTime(now + 5),
                    };
                    let before: Vec<(i64, i64, RecordState, i16)> = partition
                        .in_flight()
                        .map(|(first, last, state, n, _)| (first, last, state, n))
                        .collect();
                    for each in partition.acquire(&wish) {
                        let (first, last) = (each.first_offset, each.last_offset);
                        let were = before.iter().filter(|run| run.0 <= last && run.1 >= first);
                        for (_, _, state, count) in were {
                            assert_eq!(*state, RecordState::Available, "seed {seed}: {first} is somebody's");
                            assert_eq!(each.delivery_count, count + 1, "seed {seed}: {first} is counted");
                        }
                        assert!(each.delivery_count <= LIMIT, "seed {seed}: {first} too often");
                        let again = (first..=last).find(|offset| accepted.contains(offset));
                        assert_eq!(again, None, "seed {seed}: it was done with");
                    }
                }
                1 | 2 => {
                    let mine = partition.in_flight().find(|(_, _, state, _, member)| {
                        *state == RecordState::Acquired && *member == Some(&members[who])
                    });
                    let Some((first_offset, last_offset, ..)) = mine else { continue };
                    let kind = if ends { 1 } else { rng.below(4) as i8 };
                    let acknowledge_types = vec![kind];
                    let batch = AcknowledgementBatch { first_offset, last_offset, acknowledge_types };
                    write += 1;
                    let said =
                        partition.acknowledge(&members[who], std::slice::from_ref(&batch), LIMIT, write);
                    assert!(said.is_ok(), "seed {seed}: {said:?}");
                    let other = &members[(who + 1) % 3];
                    assert!(partition.acknowledge(other, &[batch], LIMIT, write).is_err(), "seed {seed}");
                    let is_written = ends || rng.chance(3, 4);
                    partition.written(write, is_written);
                    if kind == 1 && is_written {
                        accepted.extend(first_offset..=last_offset);
                    }
                }
                3 => drop(partition.expire(SimTime(now), LIMIT)),
                4 => drop(partition.release(&members[who], LIMIT)),
                _ => now += rng.below(4),
            }
            let ranges: Vec<(i64, i64)> =
                partition.in_flight().map(|(first, last, ..)| (first, last)).collect();
            let is_whole = ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0);
            assert!(is_whole && ranges.iter().all(|(first, last)| first <= last), "seed {seed}: {ranges:?}");
            assert!(partition.start_offset() <= partition.next_fetch_offset(), "seed {seed}");
            assert!(partition.next_fetch_offset() <= partition.end_offset(), "seed {seed}");
        }
        assert!(partition.start_offset() > 0, "seed {seed}: nothing is done with");
    }
}
