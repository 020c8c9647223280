use super::*;
use crate::base::SimTime;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const THREE: TopicPartitions<'_> = TopicPartitions { count: 3, available: &[0, 1, 2] };

/// Where `records` records with this key go, one after another.
fn check(kind: PartitionerKind, key: Option<&[u8]>, partitions: &TopicPartitions<'_>, expected: &[i32]) {
    let mut rng = Rng::stream(1, "partitioner");
    let mut partitioner = Partitioner::new(kind, false, 100);
    let chosen: Vec<i32> =
        expected.iter().map(|_| partitioner.choose(&mut rng, "t", key, partitions)).collect();
    assert_eq!(chosen, expected, "{kind}");
}

#[test]
fn murmur2_is_as_in_kafkas_own_tests() {
    assert_eq!(murmur2(b"21"), -973_932_308);
    assert_eq!(murmur2(b"foobar"), -790_332_482);
    assert_eq!(murmur2(b"a-little-bit-long-string"), -985_981_536);
    assert_eq!(murmur2(b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58_897_971);
    assert_eq!(murmur2(b"abc"), 479_470_107);
}

#[test]
fn crc32_and_fnv1a_have_their_check_values() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    assert_eq!(fnv1a(b"foobar"), 0xbf9c_f968_u32.wrapping_neg());
}

#[test]
fn names_are_read_as_they_are_written() {
    for kind in PartitionerKind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
        let json = serde_json::to_string(&kind).unwrap();
        assert_eq!(json, format!("\"{kind}\""));
        assert_eq!(serde_json::from_str::<PartitionerKind>(&json).unwrap(), kind);
    }
    let error = "murmur3".parse::<PartitionerKind>().unwrap_err().to_string();
    assert!(
        error.starts_with("there is no partitioner \"murmur3\"; there are default, murmur2, "),
        "{error}"
    );
    assert!(serde_json::from_str::<PartitionerKind>("\"\"").is_err());
}

#[test]
fn a_missing_key_is_empty_to_some() {
    for kind in [PartitionerKind::Murmur2, PartitionerKind::Consistent, PartitionerKind::Fnv1a] {
        let of_empty = partition_for_key(kind, b"", 3).unwrap();
        check(kind, None, &THREE, &[of_empty; 5]);
    }
    assert_eq!(partition_for_key(PartitionerKind::ConsistentRandom, b"", 3), None);
    assert!(partition_for_key(PartitionerKind::Murmur2Random, b"", 3).is_some());
}

#[test]
fn a_key_belongs_to_a_partition_even_without_a_leader() {
    let only_two = TopicPartitions { count: 3, available: &[2] };
    let home = partition_for_key(PartitionerKind::Default, b"abc", 3).unwrap();
    assert_ne!(home, 2);
    check(PartitionerKind::Default, Some(b"abc"), &only_two, &[home; 3]);
}

#[test]
fn round_robin_takes_the_available_in_turn() {
    let (two, none) = ([0, 2], []);
    check(PartitionerKind::RoundRobin, Some(b"abc"), &THREE, &[0, 1, 2, 0]);
    check(PartitionerKind::RoundRobin, None, &TopicPartitions { count: 3, available: &two }, &[0, 2, 0, 2]);
    check(PartitionerKind::RoundRobin, None, &TopicPartitions { count: 3, available: &none }, &[0, 1, 2, 0]);
}

#[test]
fn kafkajs_goes_in_turn_from_a_random_start() {
    let mut starts = Vec::new();
    for seed in 0..20 {
        let mut rng = Rng::stream(seed, "partitioner");
        let mut partitioner = Partitioner::new(PartitionerKind::KafkajsDefault, false, 100);
        let mut next = || partitioner.choose(&mut rng, "t", None, &THREE);
        let (first, second, third) = (next(), next(), next());
        assert_eq!(((first + 1) % 3, (second + 1) % 3), (second, third));
        starts.push(first);
    }
    assert!((0..3).all(|partition| starts.contains(&partition)), "{starts:?}");
}

#[test]
fn a_topic_without_partitions_has_none_to_choose() {
    for kind in PartitionerKind::ALL {
        check(kind, None, &TopicPartitions { count: 0, available: &[] }, &[UNKNOWN_PARTITION]);
        check(kind, Some(b"k"), &TopicPartitions { count: 0, available: &[] }, &[UNKNOWN_PARTITION]);
        assert_eq!(partition_for_key(kind, b"k", 0), None);
    }
}

#[test]
fn random_reaches_all_that_are_available() {
    let mut rng = Rng::stream(1, "partitioner");
    let mut partitioner = Partitioner::new(PartitionerKind::Random, false, 100);
    let partitions = TopicPartitions { count: 4, available: &[1, 3] };
    let chosen: Vec<i32> =
        (0..50).map(|_| partitioner.choose(&mut rng, "t", Some(b"k"), &partitions)).collect();
    assert!([1, 3].iter().all(|partition| chosen.contains(partition)));
    assert!(chosen.iter().all(|partition| [1, 3].contains(partition)));
}

/// A producer of records without a key: each line is the size of a record, whether its batch is
/// then full, and, after it, whether the producer moved on.
#[test]
fn sticks_to_a_partition_until_a_batch_is_full() {
    let many: Vec<i32> = (0..1_000).collect();
    let partitions = TopicPartitions { count: 1_000, available: &many };
    let mut rng = Rng::stream(1, "partitioner");
    let mut partitioner = Partitioner::new(PartitionerKind::Default, false, 100);
    let story = [
        (60, false, false),
        (39, true, false),
        (1, true, true),
        (100, false, false),
        (99, false, false),
        (1, false, true),
        (200, false, true),
    ];
    for (n, (bytes, full, moves)) in story.into_iter().enumerate() {
        let before = partitioner.choose(&mut rng, "t", None, &partitions);
        partitioner.on_batch_bytes(&mut rng, "t", bytes, full, &partitions);
        let after = partitioner.choose(&mut rng, "t", None, &partitions);
        assert_eq!(before != after, moves, "record {n}");
    }
    assert!(partitioner.is_sticky(None) && !partitioner.is_sticky(Some(b"k")));
    assert!(Partitioner::new(PartitionerKind::Default, true, 100).is_sticky(Some(b"k")));
}

/// How often each of three partitions is chosen in 6,000 switches, in hundreds, rounded.
fn shares(queues: &[(i32, u32)]) -> [u32; 3] {
    let mut rng = Rng::stream(1, "partitioner");
    let mut partitioner = Partitioner::new(PartitionerKind::Default, false, 1);
    let queues: Vec<QueueSize> =
        queues.iter().map(|&(partition, batches)| QueueSize { partition, batches }).collect();
    partitioner.update_load("t", &queues, 3);
    let mut counts = [0; 3];
    for _ in 0..6_000 {
        let partition = partitioner.choose(&mut rng, "t", None, &THREE);
        counts[partition as usize] += 1;
        partitioner.on_batch_bytes(&mut rng, "t", 1, true, &THREE);
    }
    counts.map(|count: u32| (count + 50) / 100)
}

#[test]
fn long_queues_are_chosen_less_often() {
    // KIP-794's example: queues of 0, 3 and 1 give shares of 4, 1 and 3 in 8.
    let [first, second, third] = shares(&[(0, 0), (1, 3), (2, 1)]);
    assert!(first.abs_diff(30) <= 2 && second.abs_diff(8) <= 2 && third.abs_diff(22) <= 2);
    for even in [shares(&[]), shares(&[(0, 7), (1, 7), (2, 7)])] {
        assert!(even.iter().all(|share| share.abs_diff(20) <= 2), "{even:?}");
    }
    let without_second = shares(&[(0, 7), (2, 7)]);
    assert!(without_second[1] == 0 && without_second[0].abs_diff(30) <= 2, "{without_second:?}");
}

#[test]
fn a_leader_that_is_not_drained_in_time_is_left_out() {
    let at = SimTime;
    assert!(is_available(at(5_000), at(1_000), 0));
    assert!(is_available(at(5_000), at(1_000), 4_000));
    assert!(!is_available(at(5_001), at(1_000), 4_000));
}
