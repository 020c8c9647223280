//! What can be taken along: the window as a drawing and as text, the whole trace for Perfetto.

use crate::ui::dom;
use crate::ui::session::Session;
use crate::view::spacetime::{Perfetto, mermaid, svg};
use crate::view::theatre::SvgColours;
use crate::view::words::Names;

use super::{Export, Space};

impl Space {
    pub(super) fn save(&self, what: Export, session: &Session) {
        let Some(picture) = self.picture.as_ref().map(|picture| &picture.0) else { return };
        let branch = session.run.branch();
        let names = Names::of(session.run.world());
        let drawing = || svg(picture, &session.scenario.title, &SvgColours::LIGHT);
        match what {
            Export::Svg => dom::save("space-time.svg", "image/svg+xml", &drawing()),
            Export::Png => dom::save("space-time.png", "image/svg+xml", &drawing()),
            Export::Mermaid => {
                let text = mermaid(&self.index, branch, &names, &self.sifted(), picture);
                dom::save("space-time.mmd", "text/plain", &text);
            }
            Export::Perfetto => {
                let mut perfetto = Perfetto::default();
                for entry in branch.trace() {
                    perfetto.read(entry, &names);
                }
                dom::save("trace.perfetto.json", "application/json", &perfetto.finish(&names));
            }
        }
    }
}
