//! The smallest run that still breaks the promise: delta debugging (Zeller & Hildebrandt, 2002)
//! over the script, then over clients, topics and brokers, until nothing more can go.

use crate::plant::Plant;
use crate::scenario::{Members, Scenario};

use super::play::{Found, Outcome, play};

/// A smaller scenario that breaks the same promise.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrunk {
    /// It opens, and `terrarium run` ends, where the promise is broken.
    pub scenario: Scenario,
    /// What is broken in it.
    pub found: Found,
    /// How many runs it took to find it.
    pub plays: u32,
}

/// Makes a scenario smaller for as long as the promise is still broken, in at most `most` runs.
pub fn shrink(scenario: &Scenario, plant: Option<Plant>, found: &Found, most: u32) -> Shrunk {
    let mut search = Search { best: scenario.clone(), plant, found: found.clone(), plays: 0, most };
    search.end_early();
    loop {
        let before = search.best.clone();
        search.commands();
        search.parts();
        search.numbers();
        if search.best == before || search.is_over() {
            break;
        }
    }
    search.commands();
    search.open_there();
    Shrunk { scenario: search.best, found: search.found, plays: search.plays }
}

struct Search {
    best: Scenario,
    plant: Option<Plant>,
    found: Found,
    plays: u32,
    most: u32,
}

impl Search {
    fn is_over(&self) -> bool {
        self.plays >= self.most
    }

    /// Takes the candidate if it still breaks the promise.
    fn try_this(&mut self, candidate: Scenario) -> bool {
        if self.is_over() || candidate == self.best {
            return false;
        }
        self.plays += 1;
        let found = play(&candidate, self.plant).and_then(|outcome: Outcome| outcome.found);
        let same = found.filter(|found| found.violation.invariant == self.found.violation.invariant);
        let Some(found) = same else { return false };
        self.best = candidate;
        self.found = found;
        true
    }

    /// Nothing that comes after it can be the reason; but a smaller run may take a little longer.
    fn end_early(&mut self) {
        let at_ms = self.found.at.as_ms() + 1;
        self.best.script.retain(|step| step.at_ms <= at_ms);
        let until = at_ms + at_ms / 2 + 5_000;
        self.best.look.until_ms = self.best.look.until_ms.map(|old| old.min(until));
    }

    /// Leaves out commands: first halves of the script, in the end each by itself.
    fn commands(&mut self) {
        let mut size = self.best.script.len().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < self.best.script.len() {
                let mut candidate = self.best.clone();
                let to = (from + size).min(candidate.script.len());
                candidate.script.drain(from..to);
                if !self.try_this(candidate) {
                    from += size;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }

    /// Leaves out groups, producers, topics, controllers and brokers.
    fn parts(&mut self) {
        self.each(|scenario| scenario.groups.len(), |scenario, index| drop(scenario.groups.remove(index)));
        self.each(
            |scenario| scenario.producers.len(),
            |scenario, index| drop(scenario.producers.remove(index)),
        );
        self.each(|scenario| scenario.topics.len(), |scenario, index| drop(scenario.topics.remove(index)));
        for index in 0..self.best.producers.len() {
            let sources = |scenario: &Scenario| {
                scenario
                    .producers
                    .get(index)
                    .and_then(|it| it.workload.as_ref())
                    .map_or(0, |it| it.sources.len())
            };
            self.each(sources, move |scenario, source| {
                if let Some(workload) = &mut scenario.producers[index].workload {
                    workload.sources.remove(source);
                }
            });
        }
        for index in 0..self.best.groups.len() {
            self.each(
                move |scenario| {
                    scenario.groups.get(index).map_or(0, |group| group.consumers.count() as usize)
                },
                move |scenario, _| {
                    let group = &mut scenario.groups[index];
                    group.consumers = Members::Count(group.consumers.count().saturating_sub(1) as u32);
                },
            );
        }
        if self.best.cluster.controllers > 1 {
            let mut candidate = self.best.clone();
            candidate.cluster.controllers = 1;
            if !self.try_this(candidate.clone()) {
                candidate.cluster.controllers = 3;
                self.try_this(candidate);
            }
        }
        if self.best.cluster.combined {
            let mut candidate = self.best.clone();
            candidate.cluster.combined = false;
            self.try_this(candidate);
        }
        let mut candidate = self.best.clone();
        while candidate.cluster.brokers > 1 {
            candidate.cluster.brokers -= 1;
            if !self.try_this(candidate.clone()) {
                break;
            }
        }
    }

    /// Tries to do without each of some things, the last one first.
    fn each(&mut self, count: impl Fn(&Scenario) -> usize, remove: impl Fn(&mut Scenario, usize)) {
        for index in (0..count(&self.best)).rev() {
            if index >= count(&self.best) {
                continue;
            }
            let mut candidate = self.best.clone();
            remove(&mut candidate, index);
            self.try_this(candidate);
        }
    }

    /// Fewer partitions, and configs as Kafka has them by default.
    fn numbers(&mut self) {
        for index in 0..self.best.topics.len() {
            let mut candidate = self.best.clone();
            candidate.topics[index].partitions = Some(1);
            self.try_this(candidate);
            for name in self.best.topics[index].configs.0.keys().cloned().collect::<Vec<_>>() {
                let mut candidate = self.best.clone();
                candidate.topics[index].configs.0.remove(&name);
                self.try_this(candidate);
            }
        }
    }

    /// The page opens it at the moment at which the promise is broken, and looks at the records.
    fn open_there(&mut self) {
        let violation = &self.found.violation;
        let at_ms = self.found.at.as_ms() + 1;
        let words = violation.detail.split([' ', ':']);
        let mut named = words.filter_map(|word| {
            let (topic, partition) = word.rsplit_once('-')?;
            Some((topic.to_owned(), partition.parse::<i32>().ok()?))
        });
        let look = &mut self.best.look;
        (look.at_ms, look.until_ms) = (at_ms, Some(at_ms));
        if let Some((topic, partition)) =
            named.find(|(topic, _)| self.best.topics.iter().any(|known| known.name == *topic))
        {
            (look.topic, look.partition) = (Some(topic), Some(partition));
        }
        self.best.title = format!("{}: {}", capitalised(violation.invariant), self.best.title);
        self.best.description = format!("{}: {}.", capitalised(violation.invariant), violation.detail);
        if self.best.problems().iter().any(|_| true) {
            (self.best.look.topic, self.best.look.partition) = (None, None);
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}
