//! Elections and changes of the in-sync replicas: read, decide, write, tell (`PartitionStateMachine`,
//! `ReplicaStateMachine`).

use crate::metadata::{NO_LEADER, PartitionRegistration};
use crate::protocol::messages::alter_partition::{
    AlterPartitionRequest, AlterPartitionResponse, RequestPartitionData, ResponsePartitionData,
    ResponseTopicData,
};
use crate::protocol::messages::controlled_shutdown::{
    ControlledShutdownRequest, ControlledShutdownResponse, RemainingPartition,
};
use crate::protocol::{ErrorCode, TopicPartition, Uuid};
use crate::trace::Event;
use crate::zookeeper::controller::{Answer, Do, KafkaController, Stage, Task, Work, Written, written};
use crate::zookeeper::wire::{Fault, Op, Reply};
use crate::zookeeper::znodes::{self, state_path};

type Answers = Vec<Result<Reply, Fault>>;

/// Why partitions may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Whoever led them is gone.
    Leaderless,
    /// Somebody in sync is gone.
    OutOfSync,
    /// This broker wants to end.
    Shutdown(i32),
}

/// Partitions that may change, and to what.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    why: Why,
    partitions: Vec<TopicPartition>,
    changed: Vec<(TopicPartition, PartitionRegistration)>,
}

impl Plan {
    pub(super) fn new(why: Why, partitions: Vec<TopicPartition>) -> Plan {
        Plan { why, partitions, changed: Vec::new() }
    }
}

/// In-sync replicas that a leader proposes, and the answer so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    token: u64,
    response: AlterPartitionResponse,
    wanted: Vec<(TopicPartition, PartitionRegistration)>,
}

impl Proposal {
    pub(super) fn refused(self) -> (u64, Answer) {
        let error_code = ErrorCode::NotController;
        (self.token, Answer::AlterPartition(AlterPartitionResponse { error_code, ..Default::default() }))
    }
}

impl KafkaController {
    pub(super) fn read_states(&mut self, plan: Plan) {
        let paths: Vec<String> = plan.partitions.iter().map(state_path).collect();
        if paths.is_empty() {
            return;
        }
        self.work(Work::ReadStates(plan));
        for path in paths {
            self.ask(Op::GetData { path, watch: false });
        }
    }

    pub(super) fn states_read(&mut self, mut plan: Plan, answers: Answers) {
        let mut changed = Vec::new();
        for (at, answer) in plan.partitions.iter().zip(answers) {
            let Ok(Reply::Data(data, stat)) = answer else { continue };
            let Some(known) = self.partition_mut(at) else { continue };
            if znodes::read_state(known, &data, stat.version).is_none() {
                continue;
            }
            let known = known.clone();
            if let Some(after) = self.decide(&known, plan.why) {
                changed.push((at.clone(), after));
            }
        }
        self.stage = Stage::Active(Work::Idle);
        if changed.is_empty() {
            return;
        }
        let ops: Vec<Op> = changed.iter().map(|(at, after)| self.state_write(at, after)).collect();
        plan.changed = changed;
        self.work(Work::WriteStates(plan));
        for op in ops {
            self.ask(op);
        }
    }

    fn state_write(&self, at: &TopicPartition, after: &PartitionRegistration) -> Op {
        self.fenced_write(Op::SetData {
            path: state_path(at),
            data: znodes::state_node(after, self.epoch),
            version: after.partition_epoch,
        })
    }

    /// What a partition shall be; its `partition_epoch` stays, ZooKeeper raises it.
    fn decide(&self, before: &PartitionRegistration, why: Why) -> Option<PartitionRegistration> {
        let live = |id: &i32| self.context.brokers.contains_key(id);
        let may_lead = |id: &i32| live(id) && !self.shutting_down.contains(id);
        let mut after = before.clone();
        match why {
            Why::Leaderless if live(&before.leader) => return None,
            Why::Leaderless => {
                let in_sync =
                    before.replicas.iter().copied().find(|id| before.isr.contains(id) && may_lead(id));
                let unclean = || before.replicas.iter().copied().find(may_lead).filter(|_| self.unclean);
                match in_sync {
                    Some(leader) => {
                        after.leader = leader;
                        after.isr.retain(live);
                    }
                    None => {
                        after.leader = unclean()?;
                        after.isr = vec![after.leader];
                    }
                }
            }
            Why::OutOfSync => {
                after.isr.retain(live);
                if after.isr.is_empty() {
                    // The last one stays known: it has everything.
                    after.isr.clone_from(&before.isr);
                }
                if !live(&after.leader) {
                    after.leader = NO_LEADER;
                }
            }
            Why::Shutdown(broker) => {
                if before.leader == broker {
                    let next = before.replicas.iter().copied();
                    after.leader = { next }.find(|id| before.isr.contains(id) && may_lead(id))?;
                }
                if after.isr.len() > 1 {
                    after.isr.retain(|id| *id != broker);
                }
            }
        }
        if (after.leader, &after.isr) == (before.leader, &before.isr) {
            return None;
        }
        after.leader_epoch = before.leader_epoch.saturating_add(1);
        Some(after)
    }

    pub(super) fn states_written(&mut self, plan: Plan, answers: Answers) {
        self.stage = Stage::Active(Work::Idle);
        let (mut told, mut again) = (Vec::new(), Vec::new());
        for ((at, mut after), answer) in plan.changed.into_iter().zip(&answers) {
            match written(Some(answer)) {
                Written::Done(version) => {
                    after.partition_epoch = version;
                    self.changed(&at, after);
                    told.push(at);
                }
                Written::Conflict => again.push(at),
                Written::Fenced => return self.fenced(),
            }
        }
        if !again.is_empty() {
            self.tasks.push_front(Task::Elect(Plan::new(plan.why, again)));
        }
        let live: Vec<i32> = self.context.brokers.keys().copied().collect();
        self.tell_brokers(&live, &live, &told, false);
        if let Why::Shutdown(broker) = plan.why {
            self.stop_replicas(broker, &told);
        }
    }

    /// A partition has changed, and ZooKeeper knows.
    pub(super) fn changed(&mut self, at: &TopicPartition, after: PartitionRegistration) {
        let Some(partition) = self.partition_mut(at) else { return };
        let new_leader = partition.leader != after.leader;
        let (leader, leader_epoch) = (after.leader, after.leader_epoch);
        let (partition_epoch, isr) = (after.partition_epoch, after.isr.clone());
        *partition = after;
        if new_leader {
            self.tell(Event::LeaderElected { at: at.clone(), leader, leader_epoch });
        }
        self.tell(Event::PartitionChanged { at: at.clone(), leader, leader_epoch, partition_epoch, isr });
    }

    // ---- AlterPartition ----

    pub(super) fn propose(&mut self, token: u64, version: i16, request: &AlterPartitionRequest) {
        let is_current = |id: i32, epoch: i64| self.broker(id).is_some_and(|broker| broker.epoch == epoch);
        if !is_current(request.broker_id, request.broker_epoch) {
            let error_code = ErrorCode::StaleBrokerEpoch;
            let refused = AlterPartitionResponse { error_code, ..Default::default() };
            return self.out.push(Do::Answer(token, Answer::AlterPartition(refused)));
        }
        let mut response = AlterPartitionResponse::default();
        let mut wanted = Vec::new();
        for topic in &request.topics {
            let mut partitions = Vec::new();
            for asked in &topic.partitions {
                let error_code = match self.decide_isr(request.broker_id, topic.topic_id, asked, version) {
                    Ok(change) => {
                        wanted.push(change);
                        ErrorCode::None
                    }
                    Err(error) => error,
                };
                let partition_index = asked.partition_index;
                partitions.push(ResponsePartitionData { partition_index, error_code, ..Default::default() });
            }
            response.topics.push(ResponseTopicData { topic_id: topic.topic_id, partitions });
        }
        if wanted.is_empty() {
            return self.out.push(Do::Answer(token, Answer::AlterPartition(response)));
        }
        let ops: Vec<Op> = wanted.iter().map(|(at, after)| self.state_write(at, after)).collect();
        self.work(Work::WriteIsrs(Proposal { token, response, wanted }));
        for op in ops {
            self.ask(op);
        }
    }

    fn decide_isr(
        &self,
        broker: i32,
        topic_id: Uuid,
        asked: &RequestPartitionData,
        version: i16,
    ) -> Result<(TopicPartition, PartitionRegistration), ErrorCode> {
        let topic = self.context.topic_by_id(&topic_id).ok_or(ErrorCode::UnknownTopicId)?;
        let before =
            topic.partitions.get(&asked.partition_index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let is_there = |id, epoch: Option<i64>| {
            let registered = self.broker(id).filter(|it| epoch.is_none_or(|epoch| it.epoch == epoch));
            registered.is_some() && !self.shutting_down.contains(&id)
        };
        let isr = before.isr_asked(broker, asked, version, &is_there)?;
        let at = TopicPartition::new(topic.name.clone(), asked.partition_index);
        Ok((at, PartitionRegistration { isr, ..before.clone() }))
    }

    pub(super) fn isrs_written(&mut self, mut proposal: Proposal, answers: Answers) {
        self.stage = Stage::Active(Work::Idle);
        let mut told = Vec::new();
        for ((at, mut after), answer) in std::mem::take(&mut proposal.wanted).into_iter().zip(&answers) {
            let decided = match written(Some(answer)) {
                Written::Done(partition_epoch) => {
                    after.partition_epoch = partition_epoch;
                    self.changed(&at, after.clone());
                    Ok(after)
                }
                Written::Conflict => Err(ErrorCode::InvalidUpdateVersion),
                Written::Fenced => {
                    let (token, answer) = proposal.refused();
                    self.out.push(Do::Answer(token, answer));
                    return self.fenced();
                }
            };
            let id = self.context.topics.get(&at.topic).map(|topic| topic.id);
            let of_topic = proposal.response.topics.iter_mut().filter(|topic| Some(topic.topic_id) == id);
            let its = |it: &&mut ResponsePartitionData| it.partition_index == at.partition;
            if let Some(it) = of_topic.flat_map(|topic| &mut topic.partitions).find(its) {
                match decided {
                    Ok(after) => {
                        (it.leader_id, it.leader_epoch) = (after.leader, after.leader_epoch);
                        (it.isr, it.partition_epoch) = (after.isr, after.partition_epoch);
                    }
                    Err(error) => it.error_code = error,
                }
            }
            told.push(at);
        }
        self.out.push(Do::Answer(proposal.token, Answer::AlterPartition(proposal.response)));
        let live: Vec<i32> = self.context.brokers.keys().copied().collect();
        self.tell_brokers(&[], &live, &told, false);
    }

    // ---- controlled shutdown ----

    pub(super) fn replace(&mut self, token: u64, request: &ControlledShutdownRequest) {
        let broker = request.broker_id;
        if self.broker(broker).is_none_or(|it| it.epoch != request.broker_epoch) {
            let error_code = ErrorCode::StaleBrokerEpoch;
            let refused = ControlledShutdownResponse { error_code, ..Default::default() };
            return self.out.push(Do::Answer(token, Answer::Shutdown(refused)));
        }
        self.shutting_down.insert(broker);
        self.tell(Event::BrokerShutsDown { broker });
        let its = self.context.partitions().filter(|(_, _, partition)| {
            partition.replicas.len() > 1 && (partition.leader == broker || partition.isr.contains(&broker))
        });
        let its: Vec<TopicPartition> = its.map(|(at, _, _)| at).collect();
        self.tasks.push_front(Task::ShutdownDone(token, broker));
        self.tasks.push_front(Task::Elect(Plan::new(Why::Shutdown(broker), its)));
    }

    pub(super) fn replaced(&mut self, token: u64, broker: i32) {
        let still = self
            .context
            .partitions()
            .filter(|(_, _, partition)| partition.leader == broker && partition.replicas.len() > 1);
        let remaining_partitions = still
            .map(|(at, _, _)| RemainingPartition {
                topic_name: at.topic.to_string(),
                partition_index: at.partition,
            })
            .collect();
        let response = ControlledShutdownResponse { remaining_partitions, ..Default::default() };
        self.out.push(Do::Answer(token, Answer::Shutdown(response)));
    }
}
