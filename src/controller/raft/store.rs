//! The file `quorum-state`: what a voter must not forget, or it might vote twice in an epoch.

/// What the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Election {
    /// The epoch.
    pub(crate) epoch: i32,
    /// Who got this node's vote in it.
    pub(crate) voted: Option<i32>,
    /// Who leads in it.
    pub(crate) leader: Option<i32>,
}

/// The file, and how much of it is durable. Nothing that relies on it may be said before it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ElectionStore {
    written: Election,
    writes: u64,
    /// What is being flushed.
    flushing: Option<(u64, Election)>,
    durable: Election,
}

impl ElectionStore {
    /// What was written last.
    pub(crate) fn kept(&self) -> Election {
        self.written
    }

    pub(crate) fn set(&mut self, election: Election) {
        if election != self.written {
            self.written = election;
            self.writes += 1;
        }
    }

    /// Writes what nobody else will ever ask about: it need not be waited for.
    pub(crate) fn set_durable(&mut self, election: Election) {
        *self = ElectionStore { written: election, durable: election, ..ElectionStore::default() };
    }

    pub(crate) fn is_durable(&self) -> bool {
        self.written == self.durable
    }

    /// What has to be flushed now, if anything.
    pub(crate) fn start_flush(&mut self) -> Option<u64> {
        if self.is_durable() || self.flushing.is_some() {
            return None;
        }
        self.flushing = Some((self.writes, self.written));
        Some(self.writes)
    }

    /// The disk has it.
    pub(crate) fn flushed(&mut self, position: u64) {
        if let Some((writes, election)) = self.flushing
            && writes <= position
        {
            self.durable = election;
            self.flushing = None;
        }
    }

    /// What the disk holds after the process died.
    pub(crate) fn after_crash(&self) -> ElectionStore {
        ElectionStore { flushing: None, ..self.clone() }
    }

    /// What was not flushed is gone.
    pub(crate) fn lose_power(&mut self) {
        (self.written, self.flushing) = (self.durable, None);
    }
}
