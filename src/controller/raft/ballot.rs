//! Votes, counted.

use crate::base::Set;
use crate::metadata::Voters;

/// Who said yes and who said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ballot {
    granted: Set<i32>,
    refused: Set<i32>,
}

impl Ballot {
    /// With one's own vote.
    pub(crate) fn with(own: i32) -> Ballot {
        Ballot { granted: std::iter::once(own).collect(), refused: Set::new() }
    }

    /// The first answer of each counts.
    pub(crate) fn record(&mut self, from: i32, granted: bool) {
        if !self.has(from) {
            let side = if granted { &mut self.granted } else { &mut self.refused };
            side.insert(from);
        }
    }

    /// Whether this voter has answered.
    pub(crate) fn has(&self, voter: i32) -> bool {
        self.granted.contains(&voter) || self.refused.contains(&voter)
    }

    pub(crate) fn granted(&self) -> impl Iterator<Item = i32> + '_ {
        self.granted.iter().copied()
    }

    pub(crate) fn is_won(&self, voters: &Voters) -> bool {
        self.granted.iter().count() >= voters.majority()
    }

    /// Whether those who have not answered are too few.
    pub(crate) fn is_lost(&self, voters: &Voters) -> bool {
        let open = voters.iter().filter(|voter| !self.refused.contains(&voter.id)).count();
        open < voters.majority()
    }
}
