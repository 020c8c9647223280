//! What the leaders of partitions and the group coordinator ask of the share coordinator, which
//! keeps the states of share partitions (KIP-932).

use crate::protocol::ErrorCode;
use crate::protocol::wire::{Uuid, wire};

wire! {
    /// Begins the states of share partitions.
    InitializeShareGroupStateRequest(83, 0..=0, 0) {
        group_id: String,
        topics: Vec<InitializeStateData>,
    }

    InitializeStateData {
        topic_id: Uuid,
        partitions: Vec<InitializePartition>,
    }

    InitializePartition {
        partition: i32,
        state_epoch: i32,
        start_offset: i64,
    }

    /// Whether they are begun.
    InitializeShareGroupStateResponse(83, 0..=0, 0) {
        results: Vec<StateResult>,
    }

    StateResult {
        topic_id: Uuid,
        partitions: Vec<PartitionResult>,
    }

    PartitionResult {
        partition: i32,
        error_code: ErrorCode,
        error_message: Option<String> = None,
    }

    /// Asks for the states of share partitions, in the name of their leader.
    ReadShareGroupStateRequest(84, 0..=0, 0) {
        group_id: String,
        topics: Vec<ReadStateData>,
    }

    ReadStateData {
        topic_id: Uuid,
        partitions: Vec<ReadPartition>,
    }

    ReadPartition {
        partition: i32,
        leader_epoch: i32,
    }

    /// The states.
    ReadShareGroupStateResponse(84, 0..=0, 0) {
        results: Vec<ReadStateResult>,
    }

    ReadStateResult {
        topic_id: Uuid,
        partitions: Vec<ReadPartitionResult>,
    }

    ReadPartitionResult {
        partition: i32,
        error_code: ErrorCode,
        error_message: Option<String> = None,
        state_epoch: i32,
        start_offset: i64,
        state_batches: Vec<StateBatch>,
    }

    StateBatch {
        first_offset: i64,
        last_offset: i64,
        delivery_state: i8,
        delivery_count: i16,
    }

    /// Changes the states of share partitions.
    WriteShareGroupStateRequest(85, 0..=0, 0) {
        group_id: String,
        topics: Vec<WriteStateData>,
    }

    WriteStateData {
        topic_id: Uuid,
        partitions: Vec<WritePartition>,
    }

    WritePartition {
        partition: i32,
        state_epoch: i32,
        leader_epoch: i32,
        start_offset: i64,
        state_batches: Vec<StateBatch>,
    }

    /// Whether they are written.
    WriteShareGroupStateResponse(85, 0..=0, 0) {
        results: Vec<StateResult>,
    }

    /// Forgets the states of share partitions.
    DeleteShareGroupStateRequest(86, 0..=0, 0) {
        group_id: String,
        topics: Vec<DeleteStateData>,
    }

    DeleteStateData {
        topic_id: Uuid,
        partitions: Vec<DeletePartition>,
    }

    DeletePartition {
        partition: i32,
    }

    /// Whether they are forgotten.
    DeleteShareGroupStateResponse(86, 0..=0, 0) {
        results: Vec<StateResult>,
    }

    /// Asks where share partitions start.
    ReadShareGroupStateSummaryRequest(87, 0..=0, 0) {
        group_id: String,
        topics: Vec<ReadStateData>,
    }

    /// Where they start.
    ReadShareGroupStateSummaryResponse(87, 0..=0, 0) {
        results: Vec<ReadStateSummaryResult>,
    }

    ReadStateSummaryResult {
        topic_id: Uuid,
        partitions: Vec<SummaryPartitionResult>,
    }

    SummaryPartitionResult {
        partition: i32,
        error_code: ErrorCode,
        error_message: Option<String> = None,
        state_epoch: i32,
        leader_epoch: i32,
        start_offset: i64,
    }
}
