//! The controller of a cluster on ZooKeeper, which each broker hosts and one of them is: whoever creates
//! `/controller` first.
//!
//! Everything happens in the order of its queue of events, one after the other (`ControllerEventManager`). What
//! one of them needs of ZooKeeper is asked in *rounds*: the requests of a round go out together, and the next
//! step is taken when all are answered. What it decided goes to ZooKeeper first, each partition's leader and
//! in-sync replicas to a znode of its own, and then to the brokers. Every write checks that
//! `/controller_epoch` has not changed, so that a controller of the past can write nothing.
//!
//! | stage | what it does | goes on with |
//! | --- | --- | --- |
//! | [`Stage::Off`] | no session | `Looking` |
//! | [`Stage::Looking`] | reads `/controller`, leaves a watch | `Standby`; `Racing` when nobody is it |
//! | [`Stage::Racing`] | creates `/controller`, raises the epoch | `Loading`; `Looking` when another was first |
//! | [`Stage::Standby`] | another broker is it | `Looking`, when the watch fires |
//! | [`Stage::Loading`] | reads all brokers, topics, partitions | `Active` |
//! | [`Stage::Active`] | is it, and idle or busy with an event | `Looking`, when it is found out to be it no more |
//!
//! Not here: reassignment, preferred elections, deletion of topics, changes of configs; topics' own
//! `unclean.leader.election.enable`.

mod elect;
mod load;
mod tell;
mod topics;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Map, Set};
use crate::metadata::{BrokerRegistration, MetadataImage};
use crate::protocol::messages::allocate_producer_ids::AllocateProducerIdsResponse;
use crate::protocol::messages::alter_partition::{AlterPartitionRequest, AlterPartitionResponse};
use crate::protocol::messages::controlled_shutdown::{ControlledShutdownRequest, ControlledShutdownResponse};
use crate::protocol::messages::create_topics::{CreateTopicsRequest, CreateTopicsResponse};
use crate::protocol::messages::leader_and_isr::LeaderAndIsrRequest;
use crate::protocol::messages::stop_replica::StopReplicaRequest;
use crate::protocol::messages::update_metadata::UpdateMetadataRequest;
use crate::protocol::{ErrorCode, TopicPartition};
use crate::trace::Event;
use crate::zookeeper::wire::{Change, Fault, Op, Reply};
use crate::zookeeper::znodes::{
    self, BROKER_IDS, BROKER_TOPICS, BrokerNode, CONTROLLER, CONTROLLER_EPOCH, PRODUCER_IDS,
};

use elect::Plan;

/// Producer ids in a block (`ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`).
const PRODUCER_ID_BLOCK: i32 = 1_000;
/// Requests that wait for the controller, at most; the next are told to come back.
const TASKS_MAX: usize = 10_000;

/// Which answer of ZooKeeper it is: of which round, and which in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    round: u64,
    index: u32,
}

/// A request to a broker.
#[derive(Clone, Debug, PartialEq)]
pub enum Outgoing {
    /// What it leads and follows.
    LeaderAndIsr(LeaderAndIsrRequest),
    /// The cluster, for its clients.
    UpdateMetadata(UpdateMetadataRequest),
    /// Replicas to stop.
    StopReplica(StopReplicaRequest),
}

/// An answer to somebody's request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To `AlterPartition`.
    AlterPartition(AlterPartitionResponse),
    /// To `CreateTopics`.
    CreateTopics(CreateTopicsResponse),
    /// To `AllocateProducerIds`.
    ProducerIds(AllocateProducerIdsResponse),
    /// To `ControlledShutdown`.
    Shutdown(ControlledShutdownResponse),
}

/// What the controller wants done, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Do {
    /// Ask ZooKeeper.
    Ask(Ask, Op),
    /// Send a request to a broker, which is here.
    Send(i32, Outgoing),
    /// Answer a request.
    Answer(u64, Answer),
    /// Say that something happened; what follows is because of it.
    Tell(Event),
    /// This broker is the controller, as far as is known.
    Learn(Option<i32>),
    /// No request to this broker, or to any, is to be sent any more.
    Forget(Option<i32>),
}

/// What it is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Stage {
    /// There is no session.
    #[default]
    Off,
    /// Who is the controller?
    Looking,
    /// Nobody is: this broker tries to be.
    Racing(Race),
    /// Another broker is.
    Standby,
    /// This broker is, and reads what there is.
    Loading(Load),
    /// This broker is.
    Active(Work),
}

/// How far the race is.
#[derive(Clone, Debug, PartialEq)]
pub enum Race {
    /// Reads `/controller_epoch`.
    Epoch,
    /// Makes `/controller_epoch`, which has never been.
    FirstEpoch,
    /// Creates `/controller` and raises the epoch to this one, if its znode still has this version.
    Claim(i32, i32),
}

/// How far the reload is.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// Which brokers there are.
    BrokerIds,
    /// Who they are.
    Brokers(Vec<i32>),
    /// Which topics there are.
    TopicNames,
    /// Their replicas.
    Topics(Vec<Arc<str>>),
    /// The leader and the in-sync replicas of each partition.
    States(Vec<TopicPartition>),
}

/// What an active controller does.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Work {
    /// Nothing.
    #[default]
    Idle,
    /// The live brokers are others: reads which.
    BrokerIds,
    /// Reads who the new ones are, and whether the old ones still are who they were.
    Brokers(Vec<i32>),
    /// There are other topics: reads which.
    TopicNames,
    /// Reads the new ones' replicas.
    Topics(Vec<Arc<str>>),
    /// Makes the znodes of new partitions.
    MakeStates(Vec<TopicPartition>),
    /// Reads the states of partitions that may need a leader, or have one less in sync.
    ReadStates(Plan),
    /// Writes them.
    WriteStates(Plan),
    /// Writes topics that somebody wants; the watch on `/brokers/topics` tells of them.
    WriteTopics(topics::Creation),
    /// Writes the in-sync replicas that leaders propose.
    WriteIsrs(elect::Proposal),
    /// Reads which producer ids are free, for this request.
    ReadProducerIds(u64),
    /// Writes that they no longer are: for this request, from this one on.
    WriteProducerIds(u64, i64),
}

/// An event that waits for its turn.
#[derive(Clone, Debug, PartialEq)]
enum Task {
    BrokersChanged,
    TopicsChanged,
    Elect(Plan),
    Make(Vec<TopicPartition>),
    AlterPartition(u64, i16, AlterPartitionRequest),
    CreateTopics(u64, CreateTopicsRequest, Vec<crate::protocol::Uuid>),
    ProducerIds(u64),
    Shutdown(u64, ControlledShutdownRequest),
    /// When those before it are done, a broker is told that it may end.
    ShutdownDone(u64, i32),
}

/// A broker's controller, which may or may not be the cluster's.
#[derive(Clone, Debug, PartialEq)]
pub struct KafkaController {
    id: i32,
    unclean: bool,
    defaults: (i32, i16),
    stage: Stage,
    round: u64,
    left: u32,
    answers: Map<u32, Result<Reply, Fault>>,
    next_index: u32,
    tasks: VecDeque<Task>,
    active: Option<i32>,
    epoch: i32,
    epoch_version: i32,
    context: MetadataImage,
    shutting_down: Set<i32>,
    creations: Vec<topics::Creation>,
    unix_ms: i64,
    out: Vec<Do>,
}

impl KafkaController {
    /// The controller of broker `id`. `unclean` tells whether leaders may be elected that lack something;
    /// `defaults` are the partitions and replicas of topics for which nothing is said.
    pub fn new(id: i32, unclean: bool, defaults: (i32, i16)) -> KafkaController {
        KafkaController {
            id,
            unclean,
            defaults,
            stage: Stage::Off,
            round: 0,
            left: 0,
            answers: Map::new(),
            next_index: 0,
            tasks: VecDeque::new(),
            active: None,
            epoch: 0,
            epoch_version: 0,
            context: MetadataImage::default(),
            shutting_down: Set::new(),
            creations: Vec::new(),
            unix_ms: 0,
            out: Vec::new(),
        }
    }

    /// What it is about.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Whether it is the cluster's controller, as far as it knows, and has read everything.
    pub fn is_active(&self) -> bool {
        matches!(self.stage, Stage::Active(_))
    }

    /// Whether it is the cluster's controller, as far as it knows.
    pub fn is_controller(&self) -> bool {
        matches!(self.stage, Stage::Active(_) | Stage::Loading(_))
    }

    /// The epoch of the last controller that it has heard of.
    pub fn epoch(&self) -> i32 {
        self.epoch
    }

    /// The cluster, as far as an active controller has read or decided it.
    pub fn context(&self) -> &MetadataImage {
        &self.context
    }

    /// Where a broker that is alive is reached.
    pub fn broker(&self, id: i32) -> Option<&BrokerRegistration> {
        self.context.brokers.get(&id)
    }

    /// What it wants done since it was last asked.
    pub fn take(&mut self) -> Vec<Do> {
        std::mem::take(&mut self.out)
    }

    /// The clock, for what it writes.
    pub fn at(&mut self, unix_ms: i64) -> &mut KafkaController {
        self.unix_ms = unix_ms;
        self
    }

    /// The broker has registered: there is a session.
    pub fn registered(&mut self) {
        self.look();
    }

    /// The session is over, and with it `/controller`, if it was this broker's.
    pub fn session_expired(&mut self) {
        self.resign("its session expired");
        self.begin(Stage::Off);
        self.learn(None);
    }

    /// A watch has fired.
    pub fn watch_fired(&mut self, change: Change, path: &str) {
        match (path, change) {
            (CONTROLLER, _) if self.stage != Stage::Off && !matches!(self.stage, Stage::Racing(_)) => {
                self.resign("/controller is gone");
                self.look();
            }
            (BROKER_IDS, Change::Children) if self.is_controller() => self.push(Task::BrokersChanged),
            (BROKER_TOPICS, Change::Children) if self.is_controller() => self.push(Task::TopicsChanged),
            _ => {}
        }
        self.next_task();
    }

    /// ZooKeeper has answered.
    pub fn answered(&mut self, ask: Ask, result: Result<Reply, Fault>) {
        if ask.round != self.round || self.left == 0 {
            return;
        }
        self.answers.insert(ask.index, result);
        self.left -= 1;
        if self.left == 0 {
            self.advance();
        }
    }

    /// A leader wants another ISR.
    pub fn alter_partition(&mut self, token: u64, version: i16, request: AlterPartitionRequest) {
        if !self.takes_requests() {
            let refused =
                AlterPartitionResponse { error_code: ErrorCode::NotController, ..Default::default() };
            return self.out.push(Do::Answer(token, Answer::AlterPartition(refused)));
        }
        self.push(Task::AlterPartition(token, version, request));
        self.next_task();
    }

    /// Somebody wants topics, which shall have these ids.
    pub fn create_topics(
        &mut self,
        token: u64,
        request: CreateTopicsRequest,
        ids: Vec<crate::protocol::Uuid>,
    ) {
        self.push(Task::CreateTopics(token, request, ids));
        self.next_task();
    }

    /// A broker wants a block of producer ids.
    pub fn allocate_producer_ids(&mut self, token: u64) {
        self.push(Task::ProducerIds(token));
        self.next_task();
    }

    /// A broker wants to end.
    pub fn shut_down(&mut self, token: u64, request: ControlledShutdownRequest) {
        self.push(Task::Shutdown(token, request));
        self.next_task();
    }

    /// Whether requests that only the controller answers may be given to it.
    pub fn takes_requests(&self) -> bool {
        self.is_controller() && self.tasks.len() < TASKS_MAX
    }

    // ---- rounds ----

    /// Asks for something in the round that has begun.
    fn ask(&mut self, op: Op) {
        let ask = Ask { round: self.round, index: self.next_index };
        self.next_index += 1;
        self.left += 1;
        self.out.push(Do::Ask(ask, op));
    }

    /// Begins a round. What earlier ones asked is no longer waited for.
    fn begin(&mut self, stage: Stage) {
        self.round += 1;
        (self.left, self.next_index) = (0, 0);
        self.answers.clear();
        self.stage = stage;
    }

    /// The answers of the round, in the order of what was asked.
    fn take_answers(&mut self) -> Vec<Result<Reply, Fault>> {
        std::mem::take(&mut self.answers).into_values().collect()
    }

    /// All of a round is answered.
    fn advance(&mut self) {
        let answers = self.take_answers();
        match std::mem::take(&mut self.stage) {
            Stage::Looking => self.looked(answers),
            Stage::Racing(race) => self.raced(race, answers),
            Stage::Loading(load) => self.loaded(load, answers),
            Stage::Active(work) => {
                self.worked(work, answers);
                self.next_task();
            }
            other => self.stage = other,
        }
    }

    fn worked(&mut self, work: Work, answers: Vec<Result<Reply, Fault>>) {
        match work {
            Work::Idle => self.stage = Stage::Active(Work::Idle),
            Work::BrokerIds => self.broker_ids_read(answers),
            Work::Brokers(ids) => self.brokers_read(&ids, answers),
            Work::TopicNames => self.topic_names_read(answers),
            Work::Topics(names) => self.topics_read(&names, answers),
            Work::MakeStates(partitions) => self.states_made(&partitions, answers),
            Work::ReadStates(plan) => self.states_read(plan, answers),
            Work::WriteStates(plan) => self.states_written(plan, answers),
            Work::WriteTopics(creation) => self.topics_written(creation, &answers),
            Work::WriteIsrs(proposal) => self.isrs_written(proposal, answers),
            Work::ReadProducerIds(token) => self.producer_ids_read(token, answers),
            Work::WriteProducerIds(token, start) => self.producer_ids_written(token, start, &answers),
        }
    }

    /// Takes the next event, unless it is busy.
    fn next_task(&mut self) {
        while self.stage == Stage::Active(Work::Idle) {
            let Some(task) = self.tasks.pop_front() else { return };
            match task {
                Task::BrokersChanged => {
                    self.work(Work::BrokerIds);
                    self.ask(Op::GetChildren { path: BROKER_IDS.into(), watch: true });
                }
                Task::TopicsChanged => {
                    self.work(Work::TopicNames);
                    self.ask(Op::GetChildren { path: BROKER_TOPICS.into(), watch: true });
                }
                Task::Elect(plan) => self.read_states(plan),
                Task::Make(partitions) => self.make_states(partitions),
                Task::AlterPartition(token, version, request) => self.propose(token, version, &request),
                Task::CreateTopics(token, request, ids) => self.write_topics(token, &request, &ids),
                Task::ProducerIds(token) => {
                    self.work(Work::ReadProducerIds(token));
                    self.ask(Op::GetData { path: PRODUCER_IDS.into(), watch: false });
                }
                Task::Shutdown(token, request) => self.replace(token, &request),
                Task::ShutdownDone(token, broker) => self.replaced(token, broker),
            }
        }
    }

    fn work(&mut self, work: Work) {
        self.begin(Stage::Active(work));
    }

    fn push(&mut self, task: Task) {
        self.tasks.push_back(task);
    }

    fn tell(&mut self, event: Event) {
        self.out.push(Do::Tell(event));
    }

    fn learn(&mut self, active: Option<i32>) {
        self.active = active;
        self.out.push(Do::Learn(active));
    }

    // ---- the race ----

    fn look(&mut self) {
        self.begin(Stage::Looking);
        self.ask(Op::GetData { path: CONTROLLER.into(), watch: true });
    }

    fn looked(&mut self, answers: Vec<Result<Reply, Fault>>) {
        let found = match answers.into_iter().next() {
            Some(Ok(Reply::Data(data, _))) => znodes::parse_controller(&data),
            _ => None,
        };
        match found {
            Some(id) if id != self.id => {
                self.begin(Stage::Standby);
                self.learn(Some(id));
            }
            // It is this broker: the answer to its claim was lost with a connection.
            Some(_) => self.race(Race::Epoch),
            None => self.race(Race::Epoch),
        }
    }

    fn race(&mut self, race: Race) {
        let op = match &race {
            Race::Epoch => Op::GetData { path: CONTROLLER_EPOCH.into(), watch: false },
            Race::FirstEpoch => {
                Op::Create { path: CONTROLLER_EPOCH.into(), data: Bytes::from_static(b"0"), ephemeral: false }
            }
            Race::Claim(epoch, version) => Op::Multi(vec![
                Op::Create {
                    path: CONTROLLER.into(),
                    data: znodes::controller_node(self.id, self.unix_ms),
                    ephemeral: true,
                },
                Op::SetData {
                    path: CONTROLLER_EPOCH.into(),
                    data: epoch.to_string().into(),
                    version: *version,
                },
            ]),
        };
        self.begin(Stage::Racing(race));
        self.ask(op);
    }

    fn raced(&mut self, race: Race, answers: Vec<Result<Reply, Fault>>) {
        let answer = answers.into_iter().next();
        match (race, answer) {
            (Race::Epoch, Some(Ok(Reply::Data(data, stat)))) => {
                let epoch = znodes::parse_epoch(&data).unwrap_or(0);
                self.race(Race::Claim(epoch.saturating_add(1), stat.version));
            }
            (Race::Epoch, Some(Err(Fault::NO_NODE))) => self.race(Race::FirstEpoch),
            (Race::FirstEpoch, _) => self.race(Race::Epoch),
            (Race::Claim(epoch, version), Some(Ok(Reply::Multi(results)))) => {
                if results.iter().all(Result::is_ok) {
                    (self.epoch, self.epoch_version) = (epoch, version.wrapping_add(1));
                    self.tell(Event::ControllerClaimed { epoch });
                    self.learn(Some(self.id));
                    self.load();
                } else {
                    self.look();
                }
            }
            _ => self.look(),
        }
    }

    /// It is not the controller, or no longer.
    fn resign(&mut self, why: &'static str) {
        if self.is_controller() {
            self.tell(Event::ControllerResigned { epoch: self.epoch, why });
            self.out.push(Do::Forget(None));
        }
        self.refuse_all();
        self.context = MetadataImage::default();
        self.shutting_down.clear();
    }

    /// Somebody else wrote `/controller_epoch`: whatever this one decides, it is too late.
    fn fenced(&mut self) {
        self.resign("another controller has a later epoch");
        self.look();
    }

    /// Who waits for an answer is told to ask the next controller.
    fn refuse_all(&mut self) {
        let error_code = ErrorCode::NotController;
        let mut refused = Vec::new();
        let stage = std::mem::take(&mut self.stage);
        if let Stage::Active(work) = stage {
            match work {
                Work::WriteIsrs(proposal) => refused.push(proposal.refused()),
                Work::ReadProducerIds(token) | Work::WriteProducerIds(token, _) => {
                    let answer = AllocateProducerIdsResponse { error_code, ..Default::default() };
                    refused.push((token, Answer::ProducerIds(answer)));
                }
                Work::WriteTopics(creation) => refused.push(creation.refused()),
                _ => {}
            }
        }
        refused.extend(std::mem::take(&mut self.creations).into_iter().map(topics::Creation::refused));
        for task in std::mem::take(&mut self.tasks) {
            match task {
                Task::AlterPartition(token, ..) => {
                    let answer = AlterPartitionResponse { error_code, ..Default::default() };
                    refused.push((token, Answer::AlterPartition(answer)));
                }
                Task::CreateTopics(token, request, _) => refused.push(topics::refused(token, &request)),
                Task::ProducerIds(token) => {
                    let answer = AllocateProducerIdsResponse { error_code, ..Default::default() };
                    refused.push((token, Answer::ProducerIds(answer)));
                }
                Task::Shutdown(token, _) | Task::ShutdownDone(token, _) => {
                    let answer = ControlledShutdownResponse { error_code, ..Default::default() };
                    refused.push((token, Answer::Shutdown(answer)));
                }
                Task::BrokersChanged | Task::TopicsChanged | Task::Elect(_) | Task::Make(_) => {}
            }
        }
        self.out.extend(refused.into_iter().map(|(token, answer)| Do::Answer(token, answer)));
    }

    /// A write that counts only in this controller's epoch.
    fn fenced_write(&self, op: Op) -> Op {
        let check = Op::Check { path: CONTROLLER_EPOCH.into(), version: self.epoch_version };
        Op::Multi(vec![check, op])
    }

    // ---- producer ids ----

    fn producer_ids_read(&mut self, token: u64, answers: Vec<Result<Reply, Fault>>) {
        let (start, version) = match answers.into_iter().next() {
            Some(Ok(Reply::Data(data, stat))) => {
                (znodes::parse_producer_ids(&data).unwrap_or(0), Some(stat.version))
            }
            _ => (0, None),
        };
        let path = PRODUCER_IDS.to_owned();
        let data = znodes::producer_ids_node(self.id, start, PRODUCER_ID_BLOCK);
        let op = match version {
            Some(version) => Op::SetData { path, data, version },
            None => Op::Create { path, data, ephemeral: false },
        };
        self.work(Work::WriteProducerIds(token, start));
        let op = self.fenced_write(op);
        self.ask(op);
    }

    fn producer_ids_written(&mut self, token: u64, start: i64, answers: &[Result<Reply, Fault>]) {
        self.stage = Stage::Active(Work::Idle);
        match written(answers.first()) {
            Written::Done(_) => {
                let answer = AllocateProducerIdsResponse {
                    producer_id_start: start,
                    producer_id_len: PRODUCER_ID_BLOCK,
                    ..Default::default()
                };
                self.out.push(Do::Answer(token, Answer::ProducerIds(answer)));
            }
            Written::Conflict => self.tasks.push_front(Task::ProducerIds(token)),
            Written::Fenced => {
                self.tasks.push_front(Task::ProducerIds(token));
                self.fenced();
            }
        }
    }
}

/// What came of a write.
enum Written {
    /// The znode's version now.
    Done(i32),
    /// The znode is not as it was thought to be.
    Conflict,
    /// There is another controller.
    Fenced,
}

fn written(answer: Option<&Result<Reply, Fault>>) -> Written {
    match answer {
        Some(Ok(Reply::Multi(results))) => match (results.first(), results.last()) {
            (Some(Ok(_)), Some(Ok(Reply::Stat(stat)))) => Written::Done(stat.version),
            (Some(Ok(_)), Some(Ok(_))) => Written::Done(0),
            // A failure before it is told as such of each operation after it: the first one's own is that of
            // the check.
            (Some(Err(Fault::BAD_VERSION | Fault::NO_NODE)), _) => Written::Fenced,
            _ => Written::Conflict,
        },
        _ => Written::Conflict,
    }
}

/// A broker as its znode says it is; its epoch is the transaction that created it.
fn registration(id: i32, answer: &Result<Reply, Fault>) -> Option<BrokerRegistration> {
    let Ok(Reply::Data(data, stat)) = answer else { return None };
    let node = BrokerNode::parse(data)?;
    Some(BrokerRegistration {
        id,
        epoch: stat.czxid,
        incarnation_id: Default::default(),
        endpoints: node.endpoints(),
        rack: node.rack.as_deref().map(Arc::from),
        fenced: false,
        in_controlled_shutdown: false,
    })
}
