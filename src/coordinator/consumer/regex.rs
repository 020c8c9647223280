//! Topics by regular expression, which the coordinator looks up among the topics that there are.
//! As in Kafka that happens a moment after the heartbeat that brought the expression: its answer
//! has no partitions yet.
//!
//! Rule: KIP-848, *Regular Expressions*; the syntax is that of RE2.

use std::sync::Arc;

use super::draft::Draft;
use super::heartbeat::Refusal;
use super::{GroupChange, ResolvedRegex};
use crate::base::{Pattern, Set};
use crate::coordinator::group::Group;
use crate::coordinator::outcome::CoordinatorTimer;
use crate::coordinator::rebalance::Work;
use crate::protocol::ErrorCode;
use crate::trace::Event;

/// Expressions are not looked up again sooner than this (`REGEX_BATCH_REFRESH_MIN_INTERVAL_MS`).
const MIN_INTERVAL_MS: i64 = 10_000;
/// The expression, for whole names.
fn compile(regex: &str) -> Result<Pattern, Refusal> {
    if regex.len() > Pattern::LENGTH_MAX {
        let message = "SubscribedTopicRegex is not a valid regular expression: it is too long.";
        return Err(Refusal::new(ErrorCode::InvalidRegularExpression, message));
    }
    Pattern::new(regex).map_err(|why| {
        let message = format!("SubscribedTopicRegex `{regex}` is not a valid regular expression: {why}.");
        Refusal::new(ErrorCode::InvalidRegularExpression, message)
    })
}

impl Draft<'_> {
    /// Has expressions looked up when a member brought a new one or when it is time to. Returns
    /// whether the member's change is one that the topics are known for already.
    #[inline(never)]
    pub(super) fn update_regexes(
        &mut self,
        (was, is): (Option<Arc<str>>, Option<Arc<str>>),
    ) -> Result<bool, Refusal> {
        let (mut is_due, mut is_resolved) = (false, false);
        if was != is {
            if let Some(was) = was.as_ref().filter(|was| self.group.subscribers_of(was) == 0) {
                self.write(GroupChange::Regex(was.clone(), None))?;
            }
            match &is {
                Some(is) if self.group.subscribers_of(is) == 1 => {
                    compile(is)?;
                    is_due = true;
                }
                Some(is) => is_resolved = self.group.regexes.contains_key(is),
                None => is_resolved = was.is_some(),
            }
        }
        let subscribed = self.group.subscribed_regexes();
        if subscribed.is_empty() || self.group.is_resolving {
            return Ok(is_resolved);
        }
        let now_ms = self.now.unix_ms();
        let last_ms = self.group.regexes.values().map(|resolved| resolved.timestamp_ms).max();
        if last_ms.is_some_and(|last_ms| now_ms <= last_ms.saturating_add(MIN_INTERVAL_MS)) {
            return Ok(is_resolved);
        }
        let interval_ms = i64::from(self.config.consumer_regex_refresh_interval_ms);
        is_due |= subscribed.len() != self.group.regexes.len()
            || last_ms.is_none_or(|last_ms| now_ms > last_ms.saturating_add(interval_ms))
            || self.has_other_topics();
        if is_due {
            self.group.is_resolving = true;
            self.timers.push((CoordinatorTimer::Regex { group: self.id.clone() }, Some(self.now)));
        }
        Ok(is_resolved)
    }

    /// Whether an expression matches other topics by now.
    fn has_other_topics(&self) -> bool {
        let differs = |(regex, resolved): (&Arc<str>, &Arc<ResolvedRegex>)| {
            resolved.version < self.image.end_offset && self.matching(regex) != resolved.topics
        };
        self.group.regexes.iter().any(differs)
    }

    fn matching(&self, regex: &str) -> Set<Arc<str>> {
        // What members sent was checked; what a log says may be anything, and then matches nothing.
        let Ok(regex) = compile(regex) else { return Set::new() };
        self.image.topics.keys().filter(|name| regex.is_match(name)).cloned().collect()
    }

    /// Looks every expression up.
    fn resolve(&mut self) -> Result<(), Refusal> {
        let mut changed = false;
        for regex in self.group.subscribed_regexes().iter() {
            let topics = self.matching(regex);
            let known = self.group.regexes.get(regex).map(|resolved| resolved.topics.clone());
            if known.unwrap_or_default() != topics {
                changed = true;
                self.events.push(Event::RegexResolved {
                    group: self.id.clone(),
                    regex: regex.clone(),
                    topics: topics.iter().cloned().collect(),
                });
            }
            let (version, timestamp_ms) = (self.image.end_offset, self.now.unix_ms());
            let resolved = ResolvedRegex { topics, version, timestamp_ms };
            self.write(GroupChange::Regex(regex.clone(), Some(Arc::new(resolved))))?;
        }
        self.raise_epoch(changed.then(|| "a regular expression matches other topics".to_owned()))
    }

    /// Expressions that nobody subscribes to any more are forgotten.
    pub(super) fn forget_regexes(&mut self) -> Result<(), Refusal> {
        let subscribed = self.group.subscribed_regexes();
        let gone: Vec<Arc<str>> =
            self.group.regexes.keys().filter(|regex| !subscribed.contains(*regex)).cloned().collect();
        gone.into_iter().try_for_each(|regex| self.write(GroupChange::Regex(regex, None)))
    }
}

impl Work<'_> {
    /// It is time to look regular expressions up.
    #[inline(never)]
    pub(in crate::coordinator) fn resolve_regexes(&mut self, slot: &mut Arc<Group>) {
        // Whatever becomes of it, the next heartbeat may have it done again.
        match &mut Arc::make_mut(slot).consumer {
            Some(consumer) => Arc::make_mut(consumer).is_resolving = false,
            None => return,
        }
        let mut draft = self.draft(slot);
        if draft.resolve().is_ok() {
            self.adopt(slot, draft, None);
        }
    }
}
