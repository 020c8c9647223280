//! What can be taken along: drawings, text, the script.

use crate::ui::dom;
use crate::view::theatre::{Chart, Frame, SvgColours, export_svg, sequence};

use super::{Export, Theatre};

impl Theatre {
    pub(super) fn save(&self, export: Export) {
        let colours = SvgColours::LIGHT;
        let title = &self.show.scenario.title;
        let now = self.show.now();
        let strip = || {
            let worlds = self.show.folds().iter().zip(self.show.runs()).zip(&self.show.protocols);
            let charts: Vec<_> = worlds
                .map(|((fold, run), protocol)| {
                    let frame = Frame { width: 900.0, pitch: 20.0, ..self.frame_shown() };
                    let score = fold.score(run.world().entries(), now).rows(now);
                    let words: Vec<String> =
                        score.iter().take(3).map(|(name, value, _)| format!("{value} {name}")).collect();
                    (protocol.title(), words.join(" · "), Chart::of(fold, frame, now))
                })
                .collect();
            export_svg(title, &charts, &colours)
        };
        let focus = self.focus;
        let told = || {
            let (fold, run) = (&self.show.folds()[focus], &self.show.runs()[focus]);
            let frame = self.frame_shown();
            sequence(fold, run.branch(), run.world(), frame.from, now.min(frame.to))
        };
        let headline = format!("{title}: {}", self.show.protocols[focus].title());
        match export {
            Export::StripSvg => dom::save("rebalance.svg", "image/svg+xml", &strip()),
            Export::StripPng => dom::save("rebalance.png", "image/svg+xml", &strip()),
            Export::SequenceSvg => {
                dom::save("sequence.svg", "image/svg+xml", &told().svg(&headline, &colours))
            }
            Export::SequencePng => {
                dom::save("sequence.png", "image/svg+xml", &told().svg(&headline, &colours))
            }
            Export::Mermaid => dom::save("sequence.mmd", "text/plain", &told().mermaid()),
            Export::Scenario => dom::save("scenario.json", "application/json", &self.show.file()),
        }
    }
}
