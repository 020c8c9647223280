//! Plants: known bugs that can be built into a world, to try whether the checkers find them.
//!
//! A plant is a line in the machine that has the bug, which asks its config whether it is there:
//! `if plants.has(Plant::DuplicateGeneration)`. Nothing but [`crate::sim::Setup::plant`] sets one. In wasm
//! [`Plants::has`] is a constant `false`, so that the page carries none of them; natively every
//! binary has them, and a test of the testers needs no other build.
//!
//! Must not know the machines.

macro_rules! plants {
    ($($(#[doc = $doc:literal])* $plant:ident = $name:literal;)*) => {
        /// A known bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Plant {
            $($(#[doc = $doc])* $plant,)*
        }

        impl Plant {
            /// Every plant.
            pub const ALL: &[Plant] = &[$(Plant::$plant,)*];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Plant::$plant => $name,)* }
            }

            /// What is wrong, in a sentence.
            pub fn about(self) -> &'static str {
                match self { $(Plant::$plant => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

plants! {
    /// The leader raises the high watermark one offset past what its in-sync replicas have.
    HighWatermarkAhead = "high-watermark-ahead";
    /// The leader goes on without a slow follower and forgets to have the controller take it out of the ISR.
    IsrShrinkForgotten = "isr-shrink-forgotten";
    /// A new leader does not take up a new leader epoch.
    EpochNotBumped = "epoch-not-bumped";
    /// A follower is told to cut off one offset too few of what its leader never had.
    TruncationOffByOne = "truncation-off-by-one";
    /// A follower keeps what its leader never had.
    TruncationForgotten = "truncation-forgotten";
    /// A batch that came before is written again.
    DuplicateAccepted = "duplicate-accepted";
    /// A batch may come although the one before it is missing.
    SequenceGapAccepted = "sequence-gap-accepted";
    /// A rebalance does not begin a new generation.
    DuplicateGeneration = "duplicate-generation";
    /// The coordinator stores offsets that a member commits which it has put out.
    FencedCommitAccepted = "fenced-commit-accepted";
    /// acks=all is answered as soon as the leader has the batch.
    AckBeforeReplication = "ack-before-replication";
    /// Entries of the offset index point one batch too far.
    OffsetIndexOffByOne = "offset-index-off-by-one";
    /// Recovery after a power loss keeps a batch of which only a part was written.
    TornBatchAccepted = "torn-batch-accepted";
    /// A leader serves a fetch whatever epochs it names, and so does not notice that the logs have parted.
    StaleFetchAccepted = "stale-fetch-accepted";
    /// The controller elects replicas that are not in sync where that is not allowed.
    UncleanElection = "unclean-election";
    /// Consumers are given records above the high watermark.
    UncommittedRead = "uncommitted-read";
    /// min.insync.replicas does not hold up the high watermark.
    MinIsrIgnored = "min-isr-ignored";
    /// A group's committed offset is stored one too far.
    CommittedOffsetAhead = "committed-offset-ahead";
    /// A broker that starts anew stays in the ISR, whatever its disk has lost.
    RestartKeepsIsr = "restart-keeps-isr";
    /// A controller that has voted in an epoch votes for another candidate as well.
    VoteGrantedTwice = "vote-granted-twice";
    /// Compaction takes the first value of a key that it finds for the last.
    CompactionKeepsOlder = "compaction-keeps-older";
}

impl Plant {
    /// The plant of this name.
    pub fn from_name(name: &str) -> Option<Plant> {
        Plant::ALL.iter().copied().find(|plant| plant.name() == name)
    }
}

/// The plants of a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plants(u32);

impl Plants {
    /// None, as everywhere but in a sweep.
    pub const NONE: Plants = Plants(0);

    /// Whether this bug is built in.
    #[inline(always)]
    pub const fn has(self, plant: Plant) -> bool {
        cfg!(not(target_arch = "wasm32")) && self.0 & 1 << plant as u8 != 0
    }

    /// These and one more.
    pub const fn with(self, plant: Plant) -> Plants {
        Plants(self.0 | 1 << plant as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn each_has_a_name_of_its_own_and_a_sentence() {
        for plant in Plant::ALL {
            assert_eq!(Plant::from_name(plant.name()), Some(*plant));
            assert!(plant.about().ends_with('.'), "{}", plant.about());
        }
        assert_eq!(Plant::from_name("no-such-bug"), None);
    }

    #[test]
    fn only_what_was_planted_is_there() {
        let plants = Plants::NONE.with(Plant::UncleanElection);
        let found: Vec<&Plant> = Plant::ALL.iter().filter(|plant| plants.has(**plant)).collect();
        let expected: &[&Plant] = if cfg!(target_arch = "wasm32") { &[] } else { &[&Plant::UncleanElection] };
        assert_eq!(found, expected);
    }
}
