//! Kafka's error codes.
//!
//! Numbers, names and which of them are retriable: the protocol guide of Apache Kafka 4.1,
//! "Error codes". The sentences are ours.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($($(#[$default:meta])? $code:literal $variant:ident $name:ident $retriable:ident $message:literal)*) => {
        /// An error code as responses carry it.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum ErrorCode {
            $(#[doc = concat!("`", stringify!($code), "`: ", $message)] $(#[$default])? $variant,)*
            /// A number to which Kafka 4.1 gives no meaning; kept as it is. No known code is
            /// ever written so: use [`ErrorCode::from_code`].
            Unknown(i16),
        }

        impl ErrorCode {
            /// Every code that Kafka 4.1 knows, in the order of their numbers.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant),*];

            /// The error with this number.
            pub const fn from_code(code: i16) -> Self {
                match code {
                    $($code => ErrorCode::$variant,)*
                    _ => ErrorCode::Unknown(code),
                }
            }

            /// Its number.
            pub const fn code(self) -> i16 {
                match self {
                    $(ErrorCode::$variant => $code,)*
                    ErrorCode::Unknown(code) => code,
                }
            }

            /// Kafka's name, such as `NOT_LEADER_OR_FOLLOWER`; `UNKNOWN` for unknown ones.
            pub const fn name(self) -> &'static str {
                match self {
                    $(ErrorCode::$variant => stringify!($name),)*
                    ErrorCode::Unknown(_) => "UNKNOWN",
                }
            }

            /// Whether the same request may succeed later.
            pub const fn is_retriable(self) -> bool {
                match self {
                    $(ErrorCode::$variant => error_codes!(@$retriable),)*
                    ErrorCode::Unknown(_) => false,
                }
            }

            /// What it means, in a sentence.
            pub const fn message(self) -> &'static str {
                match self {
                    $(ErrorCode::$variant => $message,)*
                    ErrorCode::Unknown(_) => "An error that Kafka 4.1 does not know.",
                }
            }
        }
    };
    (@retriable) => { true };
    (@final) => { false };
}

error_codes! {
    -1 UnknownServerError UNKNOWN_SERVER_ERROR final "The server ran into something unexpected."
    #[default] 0 None NONE final "No error."
    1 OffsetOutOfRange OFFSET_OUT_OF_RANGE final
        "The log does not have this offset: it is deleted already, or not written yet."
    2 CorruptMessage CORRUPT_MESSAGE retriable "The batch is damaged: its checksum or its size is wrong."
    3 UnknownTopicOrPartition UNKNOWN_TOPIC_OR_PARTITION retriable
        "This broker knows no such topic or partition."
    4 InvalidFetchSize INVALID_FETCH_SIZE final "No fetch can have this size."
    5 LeaderNotAvailable LEADER_NOT_AVAILABLE retriable
        "The partition has no leader for now; one may be elected soon."
    6 NotLeaderOrFollower NOT_LEADER_OR_FOLLOWER retriable
        "This broker does not lead the partition (any more), or has no replica of it."
    7 RequestTimedOut REQUEST_TIMED_OUT retriable "The request could not be completed in time."
    8 BrokerNotAvailable BROKER_NOT_AVAILABLE final "The broker is not there."
    9 ReplicaNotAvailable REPLICA_NOT_AVAILABLE retriable "The replica is not there."
    10 MessageTooLarge MESSAGE_TOO_LARGE final "A record is larger than the broker accepts."
    11 StaleControllerEpoch STALE_CONTROLLER_EPOCH final "The request comes from a controller of the past."
    12 OffsetMetadataTooLarge OFFSET_METADATA_TOO_LARGE final
        "The string committed with the offset is too long."
    13 NetworkException NETWORK_EXCEPTION retriable "The connection ended before the response came."
    14 CoordinatorLoadInProgress COORDINATOR_LOAD_IN_PROGRESS retriable
        "The coordinator is still reading its log."
    15 CoordinatorNotAvailable COORDINATOR_NOT_AVAILABLE retriable "There is no coordinator for now."
    16 NotCoordinator NOT_COORDINATOR retriable "Another broker coordinates this group or transaction."
    17 InvalidTopicException INVALID_TOPIC_EXCEPTION final
        "No topic can have this name, or nobody may write to it."
    18 RecordListTooLarge RECORD_LIST_TOO_LARGE final "The batch is larger than a segment."
    19 NotEnoughReplicas NOT_ENOUGH_REPLICAS retriable
        "Fewer replicas are in sync than min.insync.replicas asks for: nothing was written."
    20 NotEnoughReplicasAfterAppend NOT_ENOUGH_REPLICAS_AFTER_APPEND retriable
        "Written, but by now fewer replicas are in sync than min.insync.replicas asks for."
    21 InvalidRequiredAcks INVALID_REQUIRED_ACKS final "Acks must be 0, 1 or -1."
    22 IllegalGeneration ILLEGAL_GENERATION final "The group is in another generation."
    23 InconsistentGroupProtocol INCONSISTENT_GROUP_PROTOCOL final
        "The member supports none of the protocols that all others do."
    24 InvalidGroupId INVALID_GROUP_ID final "No group can have this id."
    25 UnknownMemberId UNKNOWN_MEMBER_ID final "The group has no such member (any more)."
    26 InvalidSessionTimeout INVALID_SESSION_TIMEOUT final
        "The session timeout is outside the limits that the broker sets."
    27 RebalanceInProgress REBALANCE_IN_PROGRESS final "The group rebalances: the member has to join again."
    28 InvalidCommitOffsetSize INVALID_COMMIT_OFFSET_SIZE final
        "The commit is too large for the offsets topic."
    29 TopicAuthorizationFailed TOPIC_AUTHORIZATION_FAILED final "Not allowed for this topic."
    30 GroupAuthorizationFailed GROUP_AUTHORIZATION_FAILED final "Not allowed for this group."
    31 ClusterAuthorizationFailed CLUSTER_AUTHORIZATION_FAILED final "Not allowed for this cluster."
    32 InvalidTimestamp INVALID_TIMESTAMP final "The record's timestamp is too far off."
    33 UnsupportedSaslMechanism UNSUPPORTED_SASL_MECHANISM final
        "The broker does not have this SASL mechanism."
    34 IllegalSaslState ILLEGAL_SASL_STATE final "This request does not belong here in the authentication."
    35 UnsupportedVersion UNSUPPORTED_VERSION final "The API does not have this version here."
    36 TopicAlreadyExists TOPIC_ALREADY_EXISTS final "There is such a topic already."
    37 InvalidPartitions INVALID_PARTITIONS final "No topic can have that many partitions."
    38 InvalidReplicationFactor INVALID_REPLICATION_FACTOR final
        "The replication factor is below one or above the number of brokers."
    39 InvalidReplicaAssignment INVALID_REPLICA_ASSIGNMENT final "The replicas asked for make no sense."
    40 InvalidConfig INVALID_CONFIG final "A configuration has an impossible value."
    41 NotController NOT_CONTROLLER retriable "Another node is the active controller."
    42 InvalidRequest INVALID_REQUEST final "The request contradicts itself or the version of its API."
    43 UnsupportedForMessageFormat UNSUPPORTED_FOR_MESSAGE_FORMAT final
        "The log's record format is too old for this."
    44 PolicyViolation POLICY_VIOLATION final "A policy of this cluster forbids it."
    45 OutOfOrderSequenceNumber OUT_OF_ORDER_SEQUENCE_NUMBER final
        "Batches of this producer are missing before this one."
    46 DuplicateSequenceNumber DUPLICATE_SEQUENCE_NUMBER final "This batch was written already."
    47 InvalidProducerEpoch INVALID_PRODUCER_EPOCH final "A newer producer has taken this one's place."
    48 InvalidTxnState INVALID_TXN_STATE final "The transaction is in no state for this."
    49 InvalidProducerIdMapping INVALID_PRODUCER_ID_MAPPING final
        "The producer id does not belong to the transactional id."
    50 InvalidTransactionTimeout INVALID_TRANSACTION_TIMEOUT final
        "The transaction timeout is above transaction.max.timeout.ms."
    51 ConcurrentTransactions CONCURRENT_TRANSACTIONS retriable
        "The producer's previous transaction is still being completed."
    52 TransactionCoordinatorFenced TRANSACTION_COORDINATOR_FENCED final
        "The marker comes from a transaction coordinator of the past."
    53 TransactionalIdAuthorizationFailed TRANSACTIONAL_ID_AUTHORIZATION_FAILED final
        "Not allowed for this transactional id."
    54 SecurityDisabled SECURITY_DISABLED final "Security features are switched off."
    55 OperationNotAttempted OPERATION_NOT_ATTEMPTED final
        "Not tried, because another part of the request failed."
    56 KafkaStorageError KAFKA_STORAGE_ERROR retriable "The disk failed under the log."
    57 LogDirNotFound LOG_DIR_NOT_FOUND final "The broker has no such log directory."
    58 SaslAuthenticationFailed SASL_AUTHENTICATION_FAILED final "SASL authentication failed."
    59 UnknownProducerId UNKNOWN_PRODUCER_ID final "The log remembers nothing of this producer."
    60 ReassignmentInProgress REASSIGNMENT_IN_PROGRESS final "The partition is being reassigned already."
    61 DelegationTokenAuthDisabled DELEGATION_TOKEN_AUTH_DISABLED final "Delegation tokens are switched off."
    62 DelegationTokenNotFound DELEGATION_TOKEN_NOT_FOUND final "No such delegation token."
    63 DelegationTokenOwnerMismatch DELEGATION_TOKEN_OWNER_MISMATCH final
        "The delegation token is somebody else's."
    64 DelegationTokenRequestNotAllowed DELEGATION_TOKEN_REQUEST_NOT_ALLOWED final
        "Delegation tokens cannot be had over this connection."
    65 DelegationTokenAuthorizationFailed DELEGATION_TOKEN_AUTHORIZATION_FAILED final
        "Not allowed for this delegation token."
    66 DelegationTokenExpired DELEGATION_TOKEN_EXPIRED final "The delegation token has expired."
    67 InvalidPrincipalType INVALID_PRINCIPAL_TYPE final "Principals of this type are not supported."
    68 NonEmptyGroup NON_EMPTY_GROUP final "The group has members."
    69 GroupIdNotFound GROUP_ID_NOT_FOUND final "There is no such group."
    70 FetchSessionIdNotFound FETCH_SESSION_ID_NOT_FOUND retriable
        "The broker has no such fetch session (any more)."
    71 InvalidFetchSessionEpoch INVALID_FETCH_SESSION_EPOCH retriable "The fetch session is at another epoch."
    72 ListenerNotFound LISTENER_NOT_FOUND retriable
        "The leader has no listener of the name that the request came in by."
    73 TopicDeletionDisabled TOPIC_DELETION_DISABLED final "delete.topic.enable is false."
    74 FencedLeaderEpoch FENCED_LEADER_EPOCH retriable
        "The request speaks of an older leader epoch than the broker's."
    75 UnknownLeaderEpoch UNKNOWN_LEADER_EPOCH retriable
        "The request speaks of a newer leader epoch than the broker's."
    76 UnsupportedCompressionType UNSUPPORTED_COMPRESSION_TYPE final
        "This version of the API does not carry this compression."
    77 StaleBrokerEpoch STALE_BROKER_EPOCH final "The broker has registered again since."
    78 OffsetNotAvailable OFFSET_NOT_AVAILABLE retriable
        "A new leader's high watermark has not caught up yet."
    79 MemberIdRequired MEMBER_ID_REQUIRED final
        "The member has to join again, with the id that it gets herewith."
    80 PreferredLeaderNotAvailable PREFERRED_LEADER_NOT_AVAILABLE retriable
        "The preferred leader is not available."
    81 GroupMaxSizeReached GROUP_MAX_SIZE_REACHED final "The group has as many members as it may."
    82 FencedInstanceId FENCED_INSTANCE_ID final "Another member has joined with the same group.instance.id."
    83 EligibleLeadersNotAvailable ELIGIBLE_LEADERS_NOT_AVAILABLE retriable
        "No replica that could lead is available."
    84 ElectionNotNeeded ELECTION_NOT_NEEDED retriable "The right leader leads already."
    85 NoReassignmentInProgress NO_REASSIGNMENT_IN_PROGRESS final "The partition is not being reassigned."
    86 GroupSubscribedToTopic GROUP_SUBSCRIBED_TO_TOPIC final "The group is subscribed to the topic."
    87 InvalidRecord INVALID_RECORD final "A record breaks the rules of its topic."
    88 UnstableOffsetCommit UNSTABLE_OFFSET_COMMIT retriable
        "A transaction that commits offsets is still open."
    89 ThrottlingQuotaExceeded THROTTLING_QUOTA_EXCEEDED retriable "A quota is used up for now."
    90 ProducerFenced PRODUCER_FENCED final "A newer producer with the same transactional id has taken over."
    91 ResourceNotFound RESOURCE_NOT_FOUND final "There is no such resource."
    92 DuplicateResource DUPLICATE_RESOURCE final "The request names the same resource twice."
    93 UnacceptableCredential UNACCEPTABLE_CREDENTIAL final "The credential is not good enough."
    94 InconsistentVoterSet INCONSISTENT_VOTER_SET final "Sender and receiver disagree on who the voters are."
    95 InvalidUpdateVersion INVALID_UPDATE_VERSION final "The feature cannot go to this version."
    96 FeatureUpdateFailed FEATURE_UPDATE_FAILED final "The features could not be updated."
    97 PrincipalDeserializationFailure PRINCIPAL_DESERIALIZATION_FAILURE final
        "The principal in a forwarded request cannot be read."
    98 SnapshotNotFound SNAPSHOT_NOT_FOUND final "There is no such snapshot."
    99 PositionOutOfRange POSITION_OUT_OF_RANGE final "The snapshot does not have this position."
    100 UnknownTopicId UNKNOWN_TOPIC_ID retriable "This broker knows no topic with this id."
    101 DuplicateBrokerRegistration DUPLICATE_BROKER_REGISTRATION final "A live broker has this id already."
    102 BrokerIdNotRegistered BROKER_ID_NOT_REGISTERED final "No broker with this id is registered."
    103 InconsistentTopicId INCONSISTENT_TOPIC_ID retriable
        "The log belongs to a topic of the same name with another id."
    104 InconsistentClusterId INCONSISTENT_CLUSTER_ID final "The request is for another cluster."
    105 TransactionalIdNotFound TRANSACTIONAL_ID_NOT_FOUND final "There is no such transactional id."
    106 FetchSessionTopicIdError FETCH_SESSION_TOPIC_ID_ERROR retriable
        "The fetch session mixes topic names and ids."
    107 IneligibleReplica INELIGIBLE_REPLICA final "A replica of the new ISR is fenced or shutting down."
    108 NewLeaderElected NEW_LEADER_ELECTED final "The change made the controller elect another leader."
    109 OffsetMovedToTieredStorage OFFSET_MOVED_TO_TIERED_STORAGE final "The offset lies in tiered storage."
    110 FencedMemberEpoch FENCED_MEMBER_EPOCH final
        "The member is at another epoch: it has to give up its partitions and join again."
    111 UnreleasedInstanceId UNRELEASED_INSTANCE_ID final "A live member still has this instance id."
    112 UnsupportedAssignor UNSUPPORTED_ASSIGNOR final "The group does not have this assignor."
    113 StaleMemberEpoch STALE_MEMBER_EPOCH final
        "The member is at a newer epoch by now: it has to ask for it and try again."
    114 MismatchedEndpointType MISMATCHED_ENDPOINT_TYPE final
        "The request went to a controller instead of a broker, or the reverse."
    115 UnsupportedEndpointType UNSUPPORTED_ENDPOINT_TYPE final "There is no such kind of endpoint."
    116 UnknownControllerId UNKNOWN_CONTROLLER_ID final "There is no controller with this id."
    117 UnknownSubscriptionId UNKNOWN_SUBSCRIPTION_ID final
        "The telemetry subscription is not the client's current one."
    118 TelemetryTooLarge TELEMETRY_TOO_LARGE final "More telemetry than the broker accepts."
    119 InvalidRegistration INVALID_REGISTRATION final "The controller does not accept this registration."
    120 TransactionAbortable TRANSACTION_ABORTABLE final "The transaction can only be aborted."
    121 InvalidRecordState INVALID_RECORD_STATE final
        "A shared record is not in a state for this acknowledgement."
    122 ShareSessionNotFound SHARE_SESSION_NOT_FOUND retriable
        "The broker has no such share session (any more)."
    123 InvalidShareSessionEpoch INVALID_SHARE_SESSION_EPOCH retriable
        "The share session is at another epoch."
    124 FencedStateEpoch FENCED_STATE_EPOCH final "The share group's state is at a newer epoch."
    125 InvalidVoterKey INVALID_VOTER_KEY final "The voter's id and directory id are not this node's."
    126 DuplicateVoter DUPLICATE_VOTER final "The node is a voter already."
    127 VoterNotFound VOTER_NOT_FOUND final "The node is no voter."
    128 InvalidRegularExpression INVALID_REGULAR_EXPRESSION final
        "The regular expression cannot be understood."
    129 RebootstrapRequired REBOOTSTRAP_REQUIRED final "The client has to bootstrap again."
    130 StreamsInvalidTopology STREAMS_INVALID_TOPOLOGY final "The streams topology makes no sense."
    131 StreamsInvalidTopologyEpoch STREAMS_INVALID_TOPOLOGY_EPOCH final
        "The streams topology has an impossible epoch."
    132 StreamsTopologyFenced STREAMS_TOPOLOGY_FENCED final "The group has a newer streams topology."
    133 ShareSessionLimitReached SHARE_SESSION_LIMIT_REACHED retriable
        "The broker has as many share sessions as it may."
}

impl ErrorCode {
    /// Whether it is any error at all.
    pub const fn is_error(self) -> bool {
        !matches!(self, ErrorCode::None)
    }
}

/// Name and number, as in `NOT_COORDINATOR (16)`.
impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.code())
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn every_number_is_some_code_and_comes_back() {
        for code in i16::MIN..=i16::MAX {
            assert_eq!(ErrorCode::from_code(code).code(), code);
        }
        assert_eq!(ErrorCode::ALL.len(), 135);
        assert_eq!(ErrorCode::from_code(134), ErrorCode::Unknown(134));
    }

    #[test]
    fn files_spell_codes_as_kafka_does() {
        for code in ErrorCode::ALL {
            let spelt = serde_json::to_string(code).expect("a name");
            assert_eq!(spelt, format!("\"{}\"", code.name()));
        }
    }
}
