//! Which name somebody may have meant.

/// The candidate that is most like `found`, if one is like it at all.
pub(super) fn nearest<'a>(found: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if found.len() > 100 {
        return None;
    }
    let found_plain = plain(found);
    let tolerated = (found_plain.len() / 3).max(1);
    candidates
        .filter_map(|candidate| {
            let plain = plain(candidate);
            let contains = found_plain.len() >= 6
                && (plain.ends_with(&found_plain) || found_plain.ends_with(&plain) && plain.len() >= 6);
            let distance = if contains { 1 } else { distance(&found_plain, &plain) };
            (distance <= tolerated).then_some((distance, candidate))
        })
        .min_by_key(|(distance, candidate)| (*distance, candidate.len()))
        .map(|(_, candidate)| candidate)
}

/// `; did you mean 'x'?`, or nothing.
pub(super) fn did_you_mean<'a>(found: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    nearest(found, candidates).map_or_else(String::new, |name| format!("; did you mean '{name}'?"))
}

/// Without case and with one separator: `batchSize`, `batch_size` and `batch.size` are alike.
fn plain(name: &str) -> Vec<u8> {
    let kept = name.bytes().filter(|b| !matches!(b, b'.' | b'_' | b'-' | b' '));
    kept.map(|b| b.to_ascii_lowercase()).collect()
}

/// How many insertions, deletions and replacements lead from `a` to `b`.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != y)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn check(found: &str, candidates: &[&str], expected: Option<&str>) {
        assert_eq!(nearest(found, candidates.iter().copied()), expected, "{found}");
    }

    #[test]
    fn names_that_look_alike_are_found() {
        let configs = [
            "log.cleaner.delete.retention.ms",
            "linger.ms",
            "batch.size",
            "log.retention.ms",
            "log.retention.bytes",
        ];
        check("batch_size", &configs, Some("batch.size"));
        check("batchSize", &configs, Some("batch.size"));
        check("linger", &configs, Some("linger.ms"));
        check("lingr.ms", &configs, Some("linger.ms"));
        check("retention.ms", &configs, Some("log.retention.ms"));
        check("compression.type", &configs, None);
        check("", &configs, None);
    }
}
