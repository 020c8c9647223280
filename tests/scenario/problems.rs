//! What is said of a wrong scenario.

use expect_test::{Expect, expect};
use terrarium::scenario::{Files, Scenario};

/// What is said of the members of a scenario besides its title.
fn check(members: &str, expected: Expect) {
    let text = format!("{{\"title\": \"t\",\n{members}\n}}");
    let said = match Scenario::parse(&text) {
        Ok(_) => "fine".to_owned(),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&said.lines().map(wrapped).collect::<Vec<_>>().join("\n"));
}

/// A line as lines that can be read without scrolling.
fn wrapped(line: &str) -> String {
    let (mut text, mut column) = (String::new(), 0);
    for word in line.split(' ') {
        if column > 0 && column + word.len() > 90 {
            text += "\n  ";
            column = 2;
        } else if column > 0 {
            text.push(' ');
        }
        text += word;
        column += word.len() + 1;
    }
    text
}

#[test]
fn what_is_no_json() {
    check("\"seed\": }", expect!["line 2, column 9: expected value"]);
    check("\"seed\": 1, \"seed\": 2", expect!["line 2, column 9: duplicate field `seed`"]);
    check("\"seed\": 1} {", expect!["line 2, column 12: trailing characters"]);
}

#[test]
fn what_has_another_type() {
    check(
        "\"seed\": -1",
        expect!["line 2, column 9: seed: invalid value: integer `-1`, expected a whole number from 0"],
    );
    check("\"topic\": []", expect!["line 2, column 10: unknown field `topic`; did you mean `topics`?"]);
    check("\"topics\": [{\"partitions\": 1}]", expect!["line 2, column 12: topics[0]: missing field `name`"]);
    check(
        "\"topics\": [{\"name\": \"t\", \"partitions\": \"two\"}]",
        expect![[r#"
            line 2, column 40: topics[0].partitions: invalid type: string "two", expected a whole
              number"#]],
    );
    check(
        "\"cluster\": {\"configs\": {\"num.partitions\": 1.5}}",
        expect![[r#"
            line 2, column 43: cluster.configs["num.partitions"]: invalid type: floating point `1.5`,
              expected a config's value: a text, a whole number, true or false"#]],
    );
    check(
        "\"cluster\": {\"configs\": {\"num.partitions\": 1, \"num.partitions\": 2}}",
        expect!["line 2, column 24: cluster.configs: `num.partitions` is given twice"],
    );
    check(
        "\"groups\": [{\"id\": \"g\", \"consumers\": \"many\", \"app\": {}}]",
        expect![[r#"
            line 2, column 37: groups[0].consumers: invalid type: string "many", expected how many
              consumers, or a list of their names"#]],
    );
    check(
        "\"producers\": [{\"name\": \"p\", \"configs\": {\"acks\": \"most\"}}]",
        expect![[
            r#"line 2, column 49: producers[0].configs.acks: acks must be "all", -1, 0 or 1, not "most""#
        ]],
    );
    check(
        "\"producers\": [{\"name\": \"p\", \"configs\": {\"batch_size\": 1}}]",
        expect![[r#"
            line 2, column 55: producers[0].configs: unknown field `batch_size`; did you mean
              `batch.size`?"#]],
    );
    check(
        "\"producers\": [{\"name\": \"p\", \"workload\": {\"sources\": [{\"topic\": \"t\", \"keys\": 7}]}}]",
        expect![[r#"
            line 2, column 77: producers[0].workload.sources[0].keys: expected a list of keys (texts,
              null, or {"key", "weight"}) or {"pattern", "distinct"}"#]],
    );
}

#[test]
fn configs_that_kafka_does_not_know() {
    check(
        "\"cluster\": {\"configs\": {\"retention.ms\": 1}}",
        expect![[r#"
        line 2, column 41: cluster.configs["retention.ms"]: is no broker config; did you mean
          'log.retention.ms'?"#]],
    );
    check(
        "\"cluster\": {\"configs\": {\"replica.lag.time.max\": 1}}",
        expect![[r#"
        line 2, column 49: cluster.configs["replica.lag.time.max"]: is no broker config; did you
          mean 'replica.lag.time.max.ms'?"#]],
    );
    check(
        "\"cluster\": {\"configs\": {\"replica.lag.time.max.ms\": \"soon\"}}",
        expect![[r#"
        line 2, column 52: cluster.configs["replica.lag.time.max.ms"]: expected a whole number
          from 0, found 'soon'"#]],
    );
    check(
        "\"cluster\": {\"configs\": {\"replica.lag.time.max.ms\": 0}}",
        expect![[r#"line 2, column 52: cluster.configs["replica.lag.time.max.ms"]: must be at least 1"#]],
    );
    check(
        "\"cluster\": {\"configs\": {\"color\": \"red\"}}",
        expect!["line 2, column 34: cluster.configs.color: is no broker config"],
    );
    check(
        "\"topics\": [{\"name\": \"a\", \"configs\": {\"min.insync.replica\": 2, \"cleanup.policy\": \"burn\"}}]",
        expect![[r#"
            line 2, column 81: topics[0].configs["cleanup.policy"]: expected delete, compact or both,
              found 'burn'
            line 2, column 60: topics[0].configs["min.insync.replica"]: 'min.insync.replica' is no
              topic config; did you mean 'min.insync.replicas'?"#]],
    );
}

#[test]
fn configs_of_share_groups_with_which_no_broker_starts() {
    check(
        "\"cluster\": {\"configs\": {\"group.share.delivery.count.limit\": 11, \"group.share.max.size\": 0}}",
        expect![[r#"
            line 2, column 61: cluster.configs["group.share.delivery.count.limit"]: Invalid value 11
              for configuration group.share.delivery.count.limit: Value must be no more than 10
            line 2, column 89: cluster.configs["group.share.max.size"]: Invalid value 0 for
              configuration group.share.max.size: Value must be at least 1"#]],
    );
    check(
        "\"cluster\": {\"configs\": {\"group.share.heartbeat.interval.ms\": 1000}}",
        expect![[r#"
        line 2, column 62: cluster.configs["group.share.heartbeat.interval.ms"]:
          group.share.heartbeat.interval.ms must be greater than or equal to
          group.share.min.heartbeat.interval.ms"#]],
    );
    check(
        "\"cluster\": {\"configs\": {\"group.share.min.session.timeout.ms\": 70000}}",
        expect![[r#"
        line 2, column 63: cluster.configs["group.share.min.session.timeout.ms"]:
          group.share.max.session.timeout.ms must be greater than or equal to
          group.share.min.session.timeout.ms"#]],
    );
    check(
        "\"cluster\": {\"configs\": {\"group.share.min.heartbeat.interval.ms\": 1, \"group.share.heartbeat.interval.ms\": 5,
          \"group.share.min.session.timeout.ms\": 1, \"group.share.session.timeout.ms\": 5}}",
        expect![[r#"
            line 2, column 106: cluster.configs["group.share.heartbeat.interval.ms"]:
              group.share.heartbeat.interval.ms must be less than group.share.session.timeout.ms"#]],
    );
    check(
        "\"cluster\": {\"configs\": {\"group.share.record.lock.duration.ms\": 60001}}",
        expect![[r#"
        line 2, column 64: cluster.configs["group.share.record.lock.duration.ms"]:
          group.share.max.record.lock.duration.ms must be greater than or equal to
          group.share.record.lock.duration.ms"#]],
    );
}

#[test]
fn configs_that_contradict_each_other() {
    check(
        "\"producers\": [{\"name\": \"p\", \"configs\": {\"acks\": 1}}]",
        expect!["line 2, column 40: producers[0].configs: enable.idempotence needs acks=all"],
    );
    check(
        "\"groups\": [{\"id\": \"g\", \"app\": {\"topics\": [\"t\"]}, \"configs\": {\"group.id\": \"h\"}}]",
        expect![[r#"line 2, column 74: groups[0].configs["group.id"]: the group's id is 'g'"#]],
    );
    check(
        "\"consumers\": [{\"name\": \"c\", \"app\": {\"topics\": [\"t\"]}}]",
        expect!["line 2, column 15: consumers[0].configs: to subscribe to topics, group.id must be set"],
    );
    check(
        "\"groups\": [{\"id\": \"g\", \"app\": {}}]",
        expect!["line 2, column 31: groups[0].app: give topics or partitions to read"],
    );
}

#[test]
fn sizes_that_do_not_fit() {
    check(
        "\"cluster\": {\"brokers\": 0}",
        expect!["line 2, column 24: cluster.brokers: a cluster has 1 to 100 brokers, not 0"],
    );
    check(
        "\"topics\": [{\"name\": \"a\", \"replication_factor\": 5}]",
        expect![[r#"
        line 2, column 48: topics[0].replication_factor: 5 replicas need 5 brokers, and there are
          3"#]],
    );
    check(
        "\"topics\": [{\"name\": \"a\", \"partitions\": 0}, {\"name\": \"a b\"}]",
        expect![[r#"
        line 2, column 40: topics[0].partitions: a topic has 1 to 10000 partitions, not 0
        line 2, column 53: topics[1].name: 'a b' is no legal topic name: letters, digits, '.', '_'
          and '-'"#]],
    );
    check(
        "\"topics\": [{\"name\": \"a\", \"assignments\": [[1, 2], [4, 4]]}]",
        expect![[r#"
        line 2, column 50: topics[0].assignments[1]: a broker is named twice
        line 2, column 50: topics[0].assignments[1]: there is no broker 4: they are numbered from
          1 to 3"#]],
    );
    check(
        "\"cluster\": {\"brokers\": 1}, \"groups\": [{\"id\": \"g\", \"app\": {\"topics\": [\"t\"]}}]",
        expect![[r#"
            line 2, column 12: cluster.configs["offsets.topic.replication.factor"]: 3 replicas need 3
              brokers, and there are 1; groups need __consumer_offsets"#]],
    );
    check(
        "\"network\": {\"latency_ms\": -1}",
        expect!["line 2, column 27: network.latency_ms: expected 0.001 to 3600000 milliseconds, found -1"],
    );
    check(
        "\"groups\": [{\"id\": \"g\", \"consumers\": 5000, \"app\": {\"topics\": [\"t\"]}}]",
        expect!["line 1, column 1: there may be 1000 clients, here are 5000"],
    );
}

#[test]
fn names_that_are_taken_or_missing() {
    check(
        "\"producers\": [{\"name\": \"broker-1\"}, {\"name\": \"\"}]",
        expect![[r#"
        line 2, column 24: producers[0].name: two nodes are called 'broker-1'
        line 2, column 46: producers[1].name: a client must have a name"#]],
    );
    check(
        "\"topics\": [{\"name\": \"a\"}, {\"name\": \"a\"}]",
        expect!["line 2, column 36: topics[1].name: two topics are called 'a'"],
    );
    check(
        "\"cluster\": {\"configs\": {\"auto.create.topics.enable\": false}}, \"topics\": [{\"name\": \"orders\"}],\n\
         \"producers\": [{\"name\": \"p\", \"workload\": {\"sources\": [{\"topic\": \"order\", \"count\": 1}]}}]",
        expect![[r#"
            line 3, column 54: producers[0].workload.sources[0]: there is no topic 'order', and
              auto.create.topics.enable is false; did you mean 'orders'?"#]],
    );
    check(
        "\"expect\": [\"lost writes\"]",
        expect![[r#"
            line 2, column 12: expect[0]: no promise is called 'lost writes'; did you mean 'lost
              write'? (there are: lost write, committed record changed, split brain, high watermark
              fell, high watermark ahead of the in-sync replicas, offsets not dense, two owners of a
              partition in one generation, read past the high watermark, two controllers in one epoch,
              two votes of a controller in one epoch, committed metadata changed, acknowledged before
              it was committed, committed below min.insync.replicas, torn write, duplicate, reordered,
              unseen, non-monotonic poll, commit of a fenced member, lost by compaction)"#]],
    );
}

#[test]
fn commands_that_make_no_sense() {
    check(
        "\"script\": [{\"at_ms\": 1, \"do\": \"explode\"}]",
        expect![[r#"
            line 2, column 12: script[0]: unknown variant `explode`, expected one of `kill`,
              `power_loss`, `restart`, `pause`, `resume`, `cut`, `heal`, `slow`, `drop`, `drop_next`,
              `cut_one_way`, `slow_one_way`, `delay`, `duplicate`, `delay_next`, `duplicate_next`,
              `slow_disk`, `set_disk_full`, `corrupt_byte`, `skew_clock`, `send`, `set_producing`,
              `add_consumer`, `stop`, `set_stuck`, `set_process_ms`, `seek`, `seek_to_time`,
              `set_paused`, `subscribe`, `set_listener_ms`, `reconfigure`, `commit`, `connect`,
              `bytes`, `hang_up`, `create_topic`, `delete_topic`, `add_partitions`, `reassign`,
              `elect_leaders`, `set_config`"#]],
    );
    check(
        "\"script\": [{\"do\": \"kill\", \"node\": \"broker-1\"}]",
        expect!["line 2, column 12: script[0]: missing field `at_ms`"],
    );
    check(
        "\"script\": [{\"at_ms\": 1, \"do\": \"kill\", \"node\": \"broker-1\", \"how\": \"fast\"}]",
        expect!["line 2, column 12: script[0]: unknown field `how`, expected `node`"],
    );
    check(
        "\"script\": [{\"at_ms\": 1, \"do\": \"kill\", \"node\": \"broker1\"}]",
        expect!["line 2, column 47: script[0].node: no node is called 'broker1'; did you mean 'broker-1'?"],
    );
    check(
        "\"script\": [{\"at_ms\": 1, \"do\": \"cut\", \"a\": \"broker-1\", \"b\": \"broker-1\"}]",
        expect!["line 2, column 60: script[0].b: a link joins two different nodes"],
    );
    check(
        "\"script\": [{\"at_ms\": 1, \"do\": \"add_consumer\", \"group\": \"g\"}]",
        expect!["line 2, column 56: script[0].group: no group is called 'g'"],
    );
    check("\"script\": [{\"at_ms\": 1, \"do\": \"stop\", \"node\": \"broker-1\"}]", expect!["fine"]);
    check(
        "\"script\": [{\"at_ms\": 1, \"do\": \"drop_next\", \"from\": \"broker-1\", \"to\": \"controller\", \
         \"frame\": \"request\", \"api\": \"Produces\"}]",
        expect!["line 2, column 111: script[0].api: no API is called 'Produces'; did you mean 'Produce'?"],
    );
    check(
        "\"groups\": [{\"id\": \"g\", \"app\": {\"topics\": [\"t\"]}}],\n\
         \"script\": [{\"at_ms\": 9, \"do\": \"stop\", \"node\": \"g-2\"}, {\"at_ms\": 5, \"do\": \"add_consumer\", \"group\": \"g\"}]",
        expect!["fine"],
    );
}

#[test]
fn data_that_are_missing_or_wrong() {
    let text = r#"{"title": "t", "producers": [{"name": "p", "data": {"file": "a.csv", "topic": "t",
        "columns": {"key": "id"}}}]}"#;
    let scenario = Scenario::parse(text).unwrap();
    let said = |files: &Files| scenario.build(None, files).map_err(|error| error.to_string()).err();
    let expected = "producers[0].data.file: a.csv: the file is not here";
    assert_eq!(said(&Files::new()).as_deref(), Some(expected));
    let files = |contents: &str| Files::from([("a.csv".to_owned(), contents.to_owned().into())]);
    let expected =
        "producers[0].data.file: a.csv: line 1, column 'id': there is no such column; there are: name";
    assert_eq!(said(&files("name\nAda\n")).as_deref(), Some(expected));
    assert_eq!(said(&files("id\n1\n")), None);
    check(
        "\"producers\": [{\"name\": \"p\", \"data\": {\"file\": \"a.xls\", \"topic\": \"t\"}}]",
        expect![[r#"
            line 2, column 37: producers[0].data: 'a.xls' ends neither in .csv nor in .ndjson or
              .jsonl: give the format"#]],
    );
}

#[test]
fn protocols_that_cannot_be_compared() {
    let group = "\"groups\": [{\"id\": \"g\", \"app\": {\"topics\": [\"t\"]}}]";
    check(
        "\"compare\": [{}]",
        expect!["line 2, column 12: compare: there is no group to compare protocols with"],
    );
    let check_group = |compare: &str, expected: Expect| check(&format!("{group},\n{compare}"), expected);
    check_group(
        "\"compare\": [{\"partition.assignment.strategy\": [\"stiky\"]}]",
        expect![[r#"
        line 3, column 48: compare[0]["partition.assignment.strategy"][0]: unknown variant
          `stiky`; did you mean `sticky`?"#]],
    );
    check_group(
        "\"compare\": [{\"assignor\": \"range\"}]",
        expect![[r#"
        line 3, column 26: compare[0]: unknown field `assignor`; did you mean
          `group.remote.assignor`?"#]],
    );
    check_group(
        "\"compare\": [{}, {}, {\"name\": \"\"}, {\"name\": \"x\"}, {\"name\": \"y\"}]",
        expect![[r#"
            line 3, column 12: compare: at most 4 protocols can be compared, here are 5
            line 3, column 17: compare[1]: 'As the group has it' is compared with itself
            line 3, column 30: compare[2].name: a name has 1 to 60 bytes"#]],
    );
}
