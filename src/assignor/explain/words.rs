//! An explanation as a sentence.

use std::fmt::{self, Write};
use std::sync::Arc;

use super::{Change, Explanation, Got, Lost};

impl Explanation {
    /// The sentence, with what a member is called on the screen.
    #[inline(never)]
    pub fn words(&self, called: &dyn Fn(&str) -> String) -> String {
        let called = |id: &Option<Arc<str>>| id.as_deref().map(called).unwrap_or_default();
        let (from, to, next) = (called(&self.from), called(&self.to), called(&self.next));
        let to = if self.to.is_none() { next } else { to };
        let at = &self.partition;
        let mut text = match self.change() {
            Change::Stays => format!("{at} stays with {to}"),
            Change::Moves => format!("{at} goes from {from} to {to}"),
            Change::New => format!("{at} goes to {to}"),
            Change::Waits => format!("{at} waits for the next rebalance to go to {to}"),
            Change::Revoked if to.is_empty() => format!("{at} is taken from {from}"),
            Change::Revoked => format!("{at} is revoked from {from}, to go to {to} in the next rebalance"),
        };
        let others = |ids: &[Arc<str>]| {
            let names = ids.iter().map(|id| called(&Some(id.clone()))).collect::<Vec<_>>();
            names.join(" and ")
        };
        let reasons = self.reasons(&from, &to, others);
        for (n, reason) in reasons.iter().filter(|reason| !reason.is_empty()).enumerate() {
            text += if n == 0 { ": " } else { "; " };
            text += reason;
        }
        text + "."
    }

    fn reasons(&self, from: &str, to: &str, others: impl Fn(&[Arc<str>]) -> String) -> [String; 2] {
        let topic = &self.partition.topic;
        // The two halves of what balance is about are one reason.
        if let (Some(Lost::TooMany { had: gave, .. }), Some(Got::Fewer { had, .. })) = (&self.lost, &self.got)
            && *gave > had + 1
        {
            let had = format!("{from} had {} and {to} {}", count(*gave), count(*had));
            return [had, "the fewest moves that make it even".to_owned()];
        }
        let lost = match &self.lost {
            None if self.from.is_none() => "nobody had it".to_owned(),
            None => String::new(),
            Some(Lost::Left) => format!("{from} has left"),
            Some(Lost::Gone) => "there is no such partition any more".to_owned(),
            Some(Lost::Unsubscribed) => format!("{from} does not subscribe to {topic} any more"),
            Some(Lost::Disputed(claimants)) => {
                format!("{} say in the same generation that it is theirs", others(claimants))
            }
            Some(Lost::Far) => format!("no replica is in the rack of {from}"),
            Some(Lost::Anew) => String::new(),
            Some(Lost::TooMany { had, has }) => {
                format!("{from} had {} and has {} now", count(*had), count(*has))
            }
            Some(Lost::Swapped) => format!("{from} has others instead"),
        };
        [lost, self.got.as_ref().map(|got| self.why_got(got, to)).unwrap_or_default()]
    }

    fn why_got(&self, got: &Got, to: &str) -> String {
        match got {
            Got::Kept { least: None, .. } => "nobody else may have it".to_owned(),
            Got::Kept { has, least: Some(least) } if *has > least + 1 => {
                format!("it had it, although it has {has} and another {} now", count(*least))
            }
            Got::Kept { has, least: Some(least) } if has > least => {
                "it had it, and nothing would be more even with it elsewhere".to_owned()
            }
            Got::Kept { .. } => "it had it, and nobody who may have it has fewer".to_owned(),
            Got::Near(rack) => format!("a replica is in the rack of {to}, {rack}"),
            Got::Back => format!("{to} had it before"),
            Got::Fewer { had, has } => format!("{to} had {} and gets {}", count(*had), count(*has)),
            Got::First { .. } => format!("{to} is one of the first by id, who get one more than the others"),
            Got::Range { first, last, partitions, place, of } => {
                let mut text = format!("as number {place} of {of}, {to} gets {first}");
                if last > first {
                    let _ = write!(text, " to {last}");
                }
                let _ = write!(text, " of the {partitions} partitions of {}", self.partition.topic);
                text
            }
            Got::Turn => format!("dealt in turn, it is for {to}, whoever had it"),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(&str::to_owned))
    }
}

fn count(number: u32) -> String {
    if number == 0 { "none".to_owned() } else { number.to_string() }
}
