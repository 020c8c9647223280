//! Whatever a scenario file holds, reading it ends in a scenario or in words.

use terrarium::base::Rng;
use terrarium::scenario::{Files, GALLERY, Scenario};
use terrarium::sim::World;

const ROUNDS: u64 = 2_000;
const SNIPPETS: [&str; 14] = [
    "-1",
    "0",
    "1e300",
    "18446744073709551615",
    "null",
    "true",
    "\"\"",
    "{}",
    "[]",
    "\"broker-1\"",
    "[[]]",
    "\"\\u0000\"",
    "{\"a\":1,\"a\":2}",
    "\"é\"",
];

#[test]
fn mutated_scenarios_are_read_or_refused() {
    let mut rng = Rng::stream(1, "scenarios");
    let (mut read, mut refused) = (0, 0);
    for _ in 0..ROUNDS {
        let (_, text) = GALLERY[rng.below(GALLERY.len() as u64) as usize];
        let text = mutated(&mut rng, text);
        match Scenario::parse(&text) {
            Err(error) => {
                refused += 1;
                assert!(!error.problems.is_empty() && !error.to_string().is_empty());
            }
            Ok(scenario) => {
                read += 1;
                let setup = scenario.build(Some(1), &Files::new()).expect("it was checked");
                let mut world = World::new(setup.into());
                let mut trace = Vec::new();
                for _ in 0..20 {
                    world.step(&mut trace);
                }
            }
        }
    }
    assert!(
        read > 50 && refused > 500,
        "{read} read, {refused} refused: the mutations are too mild or too wild"
    );
}

#[test]
fn text_that_is_no_scenario_is_refused() {
    let mut rng = Rng::stream(2, "noise");
    for _ in 0..ROUNDS {
        let noise: Vec<u8> = (0..rng.below(300)).map(|_| rng.below(256) as u8).collect();
        assert!(Scenario::parse(&String::from_utf8_lossy(&noise)).is_err());
    }
    assert!(Scenario::parse(&"[".repeat(100_000)).is_err());
    assert!(Scenario::parse(&format!("{{\"title\":{}", "[".repeat(100_000))).is_err());
}

/// One to three changes: a value replaced, bytes changed, a piece cut out or repeated.
fn mutated(rng: &mut Rng, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=rng.below(3) {
        let from = rng.below(bytes.len() as u64) as usize;
        let to = (from + rng.below(30) as usize).min(bytes.len());
        match rng.below(4) {
            0 => bytes[from] = b' ' + rng.below(95) as u8,
            1 => drop(bytes.drain(from..to)),
            2 => {
                let piece = bytes[from..to].to_vec();
                bytes.splice(to..to, piece);
            }
            _ => {
                // After a colon stands a value.
                let colon = bytes[from..].iter().position(|b| *b == b':').map_or(from, |at| from + at + 1);
                let end = bytes[colon..].iter().position(|b| b",}]".contains(b));
                let end = end.map_or(bytes.len(), |at| colon + at);
                let snippet = SNIPPETS[rng.below(SNIPPETS.len() as u64) as usize];
                bytes.splice(colon..end, snippet.bytes());
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
