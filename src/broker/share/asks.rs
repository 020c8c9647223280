//! What the group coordinator wants of share coordinators: share partitions' states may be with several
//! of them; it is told when all have answered.

use super::persister::What;
use super::state::{Origin, StatePart, StateResult};
use crate::base::Set;
use crate::broker::{Broker, Ctx};
use crate::coordinator::{NO_START_OFFSET, ShareAsk, ShareTold, ShareWhat};
use crate::protocol::{ApiKey, ErrorCode, Uuid};

/// What has been asked, until all answers are there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asking {
    ask: ShareAsk,
    told: Vec<Option<ShareTold>>,
}

impl Broker {
    /// Asks what the group coordinator wants to know.
    #[inline(never)]
    pub(in crate::broker) fn ask_share_states(&mut self, ask: ShareAsk) {
        let id = self.next_wait();
        let what = ask.what;
        let keys: Vec<_> = ask.parts.iter().map(|part| (part.key.clone(), part.start_offset)).collect();
        let told = vec![None; keys.len()];
        self.shares.persister.asking.insert(id, Asking { ask, told });
        for (index, (key, start_offset)) in keys.into_iter().enumerate() {
            let part = match what {
                ShareWhat::Initialize(state_epoch) => StatePart::Initialize(state_epoch, start_offset),
                ShareWhat::Delete => StatePart::Delete,
                ShareWhat::Summary => StatePart::Summary,
            };
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            self.ask_about(key, -1, What::Ask(id, index, part));
        }
    }

    /// Topics were deleted: neither coordinator keeps anything of their share partitions.
    #[inline(never)]
    pub(in crate::broker) fn forget_share_topics(&mut self, ctx: &mut Ctx, gone: &Set<Uuid>) {
        self.forget_group_share_topics(ctx, gone);
        let states = self.shares.state.coordinator.states().map(|(key, _)| key);
        for (group, topic, partition) in
            states.filter(|key| gone.contains(&key.1)).cloned().collect::<Vec<_>>()
        {
            let part = vec![(topic, partition, StatePart::Delete)];
            self.keep_share_state(ctx, Origin::Nobody, ApiKey::DeleteShareGroupState, &group, part);
        }
    }

    /// One of the answers.
    #[inline(never)]
    pub(super) fn share_state_told(&mut self, ctx: &mut Ctx, id: u64, index: u32, result: &StateResult) {
        let Some(asking) = self.shares.persister.asking.get_mut(&id) else { return };
        if let Some(told) = asking.told.get_mut(index as usize) {
            *told = Some(ShareTold {
                error: result.error,
                start_offset: result.start_offset,
                leader_epoch: result.leader_epoch,
            });
        }
        if asking.told.iter().any(Option::is_none) {
            return;
        }
        let Some(Asking { ask, told }) = self.shares.persister.asking.remove(&id) else { return };
        let missing = ShareTold {
            error: ErrorCode::UnknownServerError,
            start_offset: NO_START_OFFSET,
            leader_epoch: 0,
        };
        let told: Vec<ShareTold> = told.into_iter().map(|told| told.unwrap_or(missing)).collect();
        self.tell_group_coordinator(ctx, ask, &told);
    }
}
