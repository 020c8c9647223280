//! Why something happened: the chain of causes, told from the latest back.

use crate::base::SimTime;
use crate::sim::Branch;
use crate::trace::{Entry, Event};
use crate::view::words::{Names, sentence, title};

/// A chain has at most so many steps.
pub const WHY_MAX: usize = 12;
/// At most so many consequences are listed.
pub const LEADS_MAX: usize = 8;
/// Consequences are looked for in so many entries.
const LOOK_AHEAD: u64 = 4_000;

/// Causes are looked for in so many entries.
const LOOK_BACK: usize = 10_000;

/// One cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyStep {
    /// The entry; of a frame, that of its arrival.
    pub seq: u64,
    /// When.
    pub time: SimTime,
    /// What happened, as a headline; of a timer that set itself again and again, how often.
    pub title: String,
    /// The same as a sentence.
    pub sentence: String,
}

/// A chain of causes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Why {
    /// Causes, the latest first.
    pub steps: Vec<WhyStep>,
    /// There are earlier ones.
    pub more: bool,
}

/// What led to entry `seq`. Sending and arrival of a frame are one step, connections and other
/// dull links are left out, and what a node learnt of a frame is told beside it.
pub fn why(branch: &Branch, names: &Names, seq: u64) -> Why {
    let mut why = Why::default();
    for (entry, times) in chain(branch, seq) {
        if why.steps.len() == WHY_MAX {
            why.more = true;
            break;
        }
        let mut title = title(entry, names);
        if times > 1 {
            title.push_str(&format!(", {times} times"));
        }
        why.steps.push(WhyStep { seq: entry.seq, time: entry.time, title, sentence: sentence(entry, names) });
    }
    why
}

/// What entry `seq` led to directly: number and headline.
pub fn leads_to(branch: &Branch, names: &Names, seq: u64) -> Vec<(u64, String)> {
    let last = (branch.trace().len() as u64).min(seq.saturating_add(LOOK_AHEAD));
    let after = (seq.saturating_add(1)..=last).filter_map(|next| branch.entry(next));
    let effects = after.filter(|entry| entry.cause == seq && !is_dull(&entry.event));
    effects.take(LEADS_MAX).map(|entry| (entry.seq, title(entry, names))).collect()
}

/// The causes worth telling, without the entry itself, and how often in a row each was its own
/// cause; one more than is shown.
fn chain(branch: &Branch, seq: u64) -> Vec<(&Entry, u32)> {
    let Some(start) = branch.entry(seq) else { return Vec::new() };
    let mut told: Vec<(&Entry, u32)> = Vec::new();
    let mut at = start;
    for _ in 0..LOOK_BACK {
        let Some(cause) = cause_of(branch, at) else { break };
        if told.len() > WHY_MAX {
            break;
        }
        if let Some(beside) = learnt(branch, at, cause) {
            told.push((beside, 1));
        }
        let timer = timer_of(cause);
        match told.last_mut() {
            Some((last, times)) if timer.is_some() && timer_of(last) == timer && last.node == cause.node => {
                *times += 1;
            }
            // The arrival tells all that sending it did.
            _ if matches!(cause.event, Event::Sent { .. } if is_arrival(&at.event))
                || is_dull(&cause.event) => {}
            _ => told.push((cause, 1)),
        }
        at = cause;
    }
    told
}

fn timer_of(entry: &Entry) -> Option<&'static str> {
    match entry.event {
        Event::TimerFired { timer } => Some(timer),
        _ => None,
    }
}

fn cause_of<'a>(branch: &'a Branch, entry: &Entry) -> Option<&'a Entry> {
    branch.entry(entry.cause).filter(|cause| cause.seq < entry.seq)
}

/// A follower's fetch is caused by the answer to the last one; more telling is what it wrote
/// or cut in between, because of that answer.
fn learnt<'a>(branch: &'a Branch, at: &Entry, cause: &Entry) -> Option<&'a Entry> {
    if !matches!(at.event, Event::Sent { .. }) || !matches!(cause.event, Event::Received { .. }) {
        return None;
    }
    (cause.seq + 1..at.seq).rev().filter_map(|seq| branch.entry(seq)).find(|entry| {
        entry.cause == cause.seq
            && entry.node == at.node
            && matches!(
                entry.event,
                Event::RecordsAppended { .. } | Event::LogTruncated { .. } | Event::EpochEndLearned { .. }
            )
    })
}

fn is_arrival(event: &Event) -> bool {
    matches!(event, Event::Received { .. } | Event::Lost { .. })
}

fn is_dull(event: &Event) -> bool {
    matches!(event, Event::ConnectionOpened { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::seconds;
    use crate::view::fixture::run_until;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_timer_that_sets_itself_again_is_one_cause() {
        let run = run_until(SimTime(seconds(5)));
        let idle = |entry: &&Entry| matches!(entry.event, Event::TimerFired { timer: "idle metadata log" });
        let last = run.branch().trace().iter().rfind(idle).expect("an idle metadata log");
        let told = why(run.branch(), &Names::of(run.world()), last.seq);
        let titles: Vec<&str> = told.steps.iter().map(|step| &*step.title).take(2).collect();
        assert!(
            titles[0].starts_with("Timer: idle metadata log, ") && titles[0].ends_with(" times"),
            "{titles:?}"
        );
        assert!(!titles[1].starts_with("Timer: idle"), "{titles:?}");
    }
}
