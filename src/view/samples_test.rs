use expect_test::expect;

use super::fixture::{entry, events};
use super::view_test::check;
use super::words::*;
use crate::trace::Entry;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn the_samples_in_words() {
    let entries: Vec<Entry> = events().into_iter().map(entry).collect();
    check(
        entries.iter().fold(String::new(), |text, entry| text + &sentence(entry, &Names::default()) + "\n"),
        expect![[r#"
            Node 1 was told: restart broker-1.
            Node 1 started.
            Node 1 was killed: its connections end and its memory is gone, but the page cache keeps what it
                    wrote.
            Node 1 wrote all it had to disk and ended.
            Node 1 lost power: all it had written was on disk, and nobody is told.
            Node 1 lost power: 312 bytes that were not flushed to disk are gone, and nobody is told.
            Node 1 was paused: its connections stay open, but it does nothing.
            Node 1 went on with what had piled up meanwhile.
            The link between node 1 and node 3 was cut: what they send is held up.
            The link between node 1 and node 3 was mended: what was held up is delivered.
            The link between node 1 and node 3 was slowed to 80 ms one way.
            A promise was broken, lost write: rides-0 lost offset 7.
            Node 1 opened a connection to node 2.
            Node 1 sent node 2 a Fetch request.
            Node 1 received node 2's Fetch request: it sent a Fetch request.
            A Fetch request from node 1 to node 2 was lost, and the connection with it.
            A Fetch request reached node 1, but its connection was gone: it is lost.
            Node 1's timer ran out: a request may have taken too long.
            Node 1's disk wrote what it was asked to.
            Node 1 refused a request and closed the connection: the bytes end too early (field acks, byte 9).
            Node 1 wrote offsets 7 and 8 of rides-0 to its log as leader of epoch 4.
            Node 1 copied offset 7 of rides-0 to its log; the leader learns that with its next fetch.
            Node 1 began a new segment of rides-0 at offset 9.
            Node 1 deleted old segments of rides-0: offsets 0 to 4 are gone.
            Node 1 compacted rides-0 up to offset 9: it removed 5 records that have a newer value and 1
                    tombstone past delete.retention.ms; 900 bytes became 420.
            Node 1 compacted rides-0 up to offset 9: every record there is the last of its key, all stay.
            Node 1 cut offsets 7 and 8 off the end of rides-0: the leader of epoch 5 has other records there.
            Node 1 cut offsets 7 and 8 off the end of rides-0: it did not know them to be committed, the rule
                    before KIP-101.
            Node 1 checked rides-0 after its unclean end: all is whole up to offset 9.
            Node 1 checked rides-0 after its unclean end: 12 bytes of a torn batch were cut, the log ends at
                    offset 8.
            Node 1 got everything of rides-0 before offset 9 onto its disk.
            All in-sync replicas of rides-0 have offsets 7 and 8: they are committed, and consumers may read
                    them.
            All in-sync replicas of rides-0 have offset 7: it is committed, and consumers may read it.
            Node 1 heard that rides-0 is committed up to offset 8; a follower always hears one fetch late.
            Node 1 became leader of rides-0 in epoch 4: it takes the writes.
            Node 1 became a follower of broker 2 for rides-0 in epoch 4: it fetches from there.
            Node 1 has nobody to follow for rides-0: epoch 4 has no leader.
            Node 1 learnt that epoch 4 of rides-0 ends at offset 7 on the leader: what it has beyond is not the
                    leader's.
            Node 1 kept records of rides-0 back: replicas that catch up have had their share of bytes for now.
            Node 1 waits before it asks for more of rides-0: it has taken its share of bytes for now.
            Node 1 asked for other in-sync replicas of rides-0: without 3, which lags or is silent.
            Node 1 asked for other in-sync replicas of rides-0: with 3, which has caught up.
            Node 1 decided for rides-0: broker 1 leads in epoch 4, in-sync replicas 1, 2.
            Node 1 decided for rides-0: nobody leads, in-sync replicas 1.
            Node 1 keeps in mind that node 2, node 3 may lead rides-0: with so few in sync nothing is committed
                    that these do not have.
            Node 1 counts on nobody but the in-sync replicas of rides-0 to have all that is committed.
            Node 1 elected broker 2 to lead rides-0 in epoch 5.
            Node 1 found no replica alive that surely has all of rides-0: epoch 5 has no leader, and nobody can
                    write or read.
            Node 1 created topic rides with 2 partitions and 3 replicas of each.
            Node 1 deleted topic rides.
            Node 1 registered broker 2 with broker epoch 11; it is fenced at first.
            Node 1 took broker 2 into service: it may lead and be in sync.
            Node 1 heard that broker 2 wants to end: others lead in its place, and it goes when all know.
            Node 1 fenced broker 2: it no longer counts on it, and others lead in its place.
            Node 1 set min.insync.replicas of rides to 2.
            Node 1 set retention.ms of rides back to its default.
            Node 1 read the cluster's metadata up to offset 17 of the metadata log.
            Node 1 copies the metadata log of node 3001 in epoch 4: it knows who leads.
            Node 1 has given up the lead in epoch 4: no majority fetches from it.
            Node 1 asked the others whether they would vote for it after epoch 4 (pre-vote).
            Node 1 voted for itself in epoch 5 and asked the others for their votes.
            Node 1 would not vote for node 3002 in epoch 4: it has a leader.
            Node 1 voted for node 3002 in epoch 5: the log is long enough.
            Node 1 was elected in epoch 5 by a majority: node 3001, node 3002.
            Node 1 is the active controller of epoch 5: all before offset 30 of the metadata log is committed,
                    and it decides from now on.
            Node 1 gave up the lead of epoch 5: no majority fetches from it.
            A majority of controllers has the metadata log up to offset 8 on disk: it is committed.
            Node 1 heard that the metadata log is committed up to offset 8.
            Node 1 wrote a snapshot: all that the metadata log says before offset 40, in 1200 bytes.
            Node 1 is so far behind that the leader no longer has the records it lacks: it fetches the snapshot
                    of what is before offset 40.
            Node 1 has the whole snapshot: its metadata log begins at offset 40 now, and goes on from there.
            Node 1 deleted what a snapshot tells as well: its metadata log begins at offset 40.
            Node 1 made the producer of rides-0 wait until every in-sync replica has all before offset 9.
            Node 1 answered the produce request: the records of rides-0 are stored from offset 7.
            Node 1 refused the records for rides-0 with NOT_ENOUGH_REPLICAS – fewer replicas are in sync than
                    min.insync.replicas asks for: nothing was written.
            Node 1 has client shop wait for 1200 ms: it has used its quota up.
            Node 1 had nothing new for this fetch yet and made it wait, at most 500 ms.
            Node 1 found no host of that name.
            Node 1 could not connect to node 2: nobody listens there.
            The connection between node 2 and node 1 was closed.
            The connection between node 2 and node 1 broke.
            Group dashboards went from Empty to PreparingRebalance in generation 3: every member has to join
                    again.
            Group dashboards went from PreparingRebalance to CompletingRebalance in generation 3: all have
                    joined and wait for their partitions.
            Group dashboards went from CompletingRebalance to Stable in generation 3: every member knows its
                    partitions.
            Group dashboards went from Stable to PreparingRebalance in generation 3: every member has to join
                    again.
            Group dashboards went from PreparingRebalance to Empty in generation 3: nobody is left, only its
                    offsets.
            Group dashboards went from Empty to Dead in generation 3: it is gone.
            Node 1 became coordinator of 1 group: it leads partition 2 of __consumer_offsets.
            Node 1 stopped coordinating the groups of partition 2 of __consumer_offsets.
            dashboards-1 joined group dashboards.
            odd, client dashboards-1, joined group dashboards.
            dashboards-1 left group dashboards: no heartbeat came within its session.timeout.ms.
            dashboards-1 left group dashboards: it did not rejoin in time.
            In generation 3 of group dashboards, dashboards-1 was given rides-0 and rides-1.
            Group dashboards committed offset 9 of rides-0: after a restart it reads on from there.
            Group dashboards has to rebalance: member dashboards-1 joined.
            Group dashboards is at epoch 4: member odd joined. Who shall have what has to be decided again.
            The coordinator of group dashboards decided with the uniform assignor what 1 member shall have at
                    epoch 4.
            In group dashboards, dashboards-1 has to give up rides-1 first and keeps rides-0.
            In group dashboards, dashboards-1 is at epoch 4 with rides-0, and waits until others have given up
                    rides-1.
            In group dashboards, dashboards-1 has what it shall have at epoch 4: rides-0.
            Group dashboards turned dashboards-1 away with FENCED_MEMBER_EPOCH: it has to give up its
                    partitions and join again.
            In group dashboards, the expression ri.* now stands for rides.
            Group dashboards went from the classic to the consumer protocol while its members worked on.
            In share group dashboards, dashboards-1 acquired offsets 3 to 6 of rides-0: for a while nobody else
                    gets them. Delivery 2.
            In share group dashboards, dashboards-1 accepted offsets 3 to 6 of rides-0: done.
            In share group dashboards, dashboards-1 released offsets 3 to 6 of rides-0: anybody may get them
                    now.
            In share group dashboards, offsets 3 to 6 of rides-0 are dashboards-1's no longer (lock timed out):
                    anybody may get them now.
            In share group dashboards, dashboards-1 rejected offsets 3 to 6 of rides-0: nobody gets them.
            In share group dashboards, dashboards-1 found no records in offsets 3 to 6 of rides-0.
            Share group dashboards gives up offsets 3 to 6 of rides-0: delivered 2 times, accepted never.
            Share group dashboards is done with everything in rides-0 before offset 7.
            Node 1 was given no partitions in group dashboards.
            Node 1 gave up rides-0 in group dashboards.
            Node 1 lost rides-0: it is no longer a member of group dashboards, and somebody else may own them.
            As Node 1 sees it, it is syncing in generation 3 of group dashboards and owns rides-0.
            As Node 1 sees it, it is unjoined of group dashboards and owns no partitions.
            Node 1 calls its application's onPartitionsRevoked with rides-0 of group dashboards.
            onPartitionsRevoked of Node 1's application has returned.
            Node 1 put record 41 with key N into its batch for rides-0.
            Node 1 put record 42 into its batch for rides-0.
            Node 1 sent a batch of 2 records for rides-0.
            Node 1 sent a batch of 1 record for rides-0, attempt 2.
            Node 1 heard that rides-0 has stored 2 records from offset 7 on.
            Node 1 counts 2 records for rides-0 as sent: with acks=0 nobody answers.
            Node 1 will send 2 records for rides-0 again in 100 ms: NOT_LEADER_OR_FOLLOWER – this broker does
                    not lead the partition (any more), or has no replica of it.
            Node 1 gave up 2 records for rides-0: error 999 – an error that Kafka 4.1 does not know.
            Node 1 will read rides-0 from offset 9 on: there was no committed offset, so auto.offset.reset
                    decided.
            Node 1 will read rides-0 from broker-3, a follower in its own rack: the leader told it to.
            Node 1 took offsets 7 to 11 of rides-0 into its buffer.
            Node 1 processed offsets 7 to 11 of rides-0.
            Node 1 processed offsets 7 to 11 of rides-0 again: group dashboards had been that far before.
            Node 1 acquired offsets 7 to 11 of rides-0: for a while nobody else in group jobs gets them.
            Node 1 acquired offsets 7 to 11 of rides-0 again: delivery 3 in group jobs.
            Node 1 did not process offset 9 of rides-0; it will release it: somebody may try it again.
            Node 1 has acknowledged offsets 7 to 11 of rides-0 (accept): they are done with.
            Node 1 acknowledged offsets 7 to 11 of rides-0 (reject) in vain: INVALID_RECORD_STATE – a shared
                    record is not in a state for this acknowledgement. Somebody in group jobs will get them
                    again.
            Node 1 heard NOT_LEADER_OR_FOLLOWER: its picture of the cluster is out of date.
            Node 1 got a new picture of the cluster with 3 brokers.
            Node 1 reported to its application: NOT_LEADER_OR_FOLLOWER – this broker does not lead the
                    partition (any more), or has no replica of it.
            Node 1 reported NOT_LEADER_OR_FOLLOWER to its application: no offset is negative.
            Node 1 opened a session for node 2: it lasts as long as node 2 is not silent for 18 s.
            Node 1 has not heard of session 0x7 for its timeout: it is over, and its ephemeral nodes go.
            Node 1 has a new znode /brokers/ids/2.
            Node 1 deleted the znode /brokers/ids/2.
            Node 1 told node 2 what it watched for: NodeDeleted at /brokers/ids/2. A watch tells once.
            Node 1 was the first to create /controller: it is the controller of epoch 3, and reads the whole
                    cluster from ZooKeeper before it decides anything.
            Node 1 has read 3 brokers, 1 topic and the state of 12 partitions, each from a znode of its own: as
                    the controller of epoch 3 it decides from now on.
        "#]],
    );
}
