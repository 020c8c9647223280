//! Who owned what when, as a drawing: partitions down, time across.
//!
//! A fold's history becomes a few paths, one for each colour, which change only when the fold
//! does. What is not yet played is covered by whoever draws, so that time passing changes nothing
//! here.

use std::fmt::Write;

use crate::base::{Map, SimTime};
use crate::view::Px;
use crate::view::members::{self, HUES};

use super::{Fold, Holder, letter};

/// What part of a fold's history is drawn, and how large.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// The left end.
    pub from: SimTime,
    /// The right end.
    pub to: SimTime,
    /// Width, in pixels.
    pub width: f64,
    /// Height of a lane with the gap below it, in pixels.
    pub pitch: f64,
}

impl Frame {
    /// Where a moment is, in pixels from the left, not beyond the ends.
    pub fn x(&self, time: SimTime) -> f64 {
        let span = self.to.since(self.from).max(1) as f64;
        (time.since(self.from) as f64 / span * self.width).min(self.width)
    }
}

/// How a piece is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fill {
    /// Owned, and read, by a member of this colour.
    Owned(u8),
    /// Owned by one that stands still.
    Stalled(u8),
    /// Nobody has it.
    Nobody,
    /// A narrow line below: this one believes to have it, too.
    Other(u8),
}

impl Fill {
    /// Its CSS classes.
    pub fn class(self) -> String {
        match self {
            Fill::Owned(colour) => format!("owned {}", members::class(colour)),
            Fill::Stalled(colour) => format!("stalled {}", members::class(colour)),
            Fill::Nobody => "nobody".to_owned(),
            Fill::Other(colour) => format!("other {}", members::class(colour)),
        }
    }

    /// Whether dots tell its member from another one of the same hue.
    pub fn is_dotted(self) -> bool {
        match self {
            Fill::Owned(colour) | Fill::Stalled(colour) => members::is_dotted(colour),
            Fill::Nobody | Fill::Other(_) => false,
        }
    }
}

/// A letter on a piece.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Where it begins.
    pub x: f64,
    /// Its base line.
    pub y: f64,
    /// The member's letter.
    pub text: String,
    /// The number of the member's colour.
    pub colour: u8,
    /// On a piece that nobody reads.
    pub stalled: bool,
}

/// A drawing of a fold.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub frame: Frame,
    /// Height, in pixels.
    pub height: f64,
    /// Each fill with the path of all that has it.
    pub fills: Vec<(Fill, String)>,
    /// Letters.
    pub labels: Vec<Label>,
    /// Each lane's name and the middle of its height.
    pub lanes: Vec<(String, f64)>,
}

impl Chart {
    /// Draws a fold; pieces end at `end`, if they have not before.
    pub fn of(fold: &Fold, frame: Frame, end: SimTime) -> Chart {
        let mut paths: Map<Fill, String> = Map::new();
        let colours: Vec<u8> = (0..fold.member_count()).map(|member| fold.colour(member)).collect();
        let mut chart = Chart {
            frame,
            height: frame.pitch * fold.lanes().len() as f64,
            fills: Vec::new(),
            labels: Vec::new(),
            lanes: Vec::new(),
        };
        let end = end.min(frame.to);
        for (index, (at, lane)) in fold.lanes().iter().enumerate() {
            let top = index as f64 * frame.pitch;
            chart.lanes.push((fold.lane_name(at), top + (frame.pitch - gap(frame.pitch)) / 2.0));
            let first = lane.changes.partition_point(|(time, _)| *time <= frame.from).saturating_sub(1);
            for (number, (time, holder)) in lane.changes.iter().enumerate().skip(first) {
                let until = lane.changes.get(number + 1).map_or(end, |(next, _)| *next).min(end);
                if *time >= end {
                    break;
                }
                if until > *time && until > frame.from {
                    chart.piece(&mut paths, &colours, top, (frame.x(*time), frame.x(until)), holder);
                }
            }
        }
        chart.fills = paths.into_iter().collect();
        chart
    }

    /// How large letters are, in pixels.
    pub fn letter_px(&self) -> f64 {
        match self.frame.pitch {
            ..11.0 => 8.0,
            ..14.0 => 9.0,
            _ => 10.5,
        }
    }

    fn piece(
        &mut self,
        paths: &mut Map<Fill, String>,
        colours: &[u8],
        top: f64,
        (from, to): (f64, f64),
        holder: &Holder,
    ) {
        let colour = |who: u8| colours.get(usize::from(who)).copied().unwrap_or_default();
        let pitch = self.frame.pitch;
        let height = pitch - gap(pitch);
        if holder.sharers.count() > 1 {
            return self.stripes(paths, &colour, (top, height), (from, to), holder);
        }
        let fill = match holder.owner {
            Some(who) if holder.stalled => Fill::Stalled(colour(who)),
            Some(who) => Fill::Owned(colour(who)),
            None => Fill::Nobody,
        };
        let below = holder.other.filter(|_| height > 5.0).map(|_| (height / 4.0).max(2.0));
        let own = height - below.map_or(0.0, |below| below + 0.5);
        block(paths.entry(fill).or_default(), from, top, to - from, own);
        if let (Some(below), Some(who)) = (below, holder.other) {
            let y = top + height - below;
            block(paths.entry(Fill::Other(colour(who))).or_default(), from, y, to - from, below);
        }
        if let Some(who) = holder.owner
            && to - from > 15.0
            && height > 5.5
        {
            // Half of a capital's height below the middle.
            let y = top + own / 2.0 + self.letter_px() * 0.36;
            let (text, colour) = (letter(who), colour(who));
            self.labels.push(Label { x: from + 6.0, y, text, colour, stalled: holder.stalled });
        }
    }
}

/// The least height of a stripe, in pixels.
const STRIPE_PX: f64 = 1.5;
/// The least height of one that carries its letter.
const LETTERED_PX: f64 = 9.0;

impl Chart {
    /// A piece that several members share: a stripe for each, with their letters as far as there is
    /// room, else how many they are.
    #[inline(never)]
    fn stripes(
        &mut self,
        paths: &mut Map<Fill, String>,
        colour: &dyn Fn(u8) -> u8,
        (top, height): (f64, f64),
        (from, to): (f64, f64),
        holder: &Holder,
    ) {
        let count = f64::from(holder.sharers.count());
        let shown = count.min((height / STRIPE_PX).floor().max(1.0));
        let each = height / shown;
        let hair = if each > 4.0 { 0.5 } else { 0.0 };
        for (index, who) in holder.sharers.iter().take(shown as usize).enumerate() {
            let still = holder.still.contains(who);
            let fill = if still { Fill::Stalled(colour(who)) } else { Fill::Owned(colour(who)) };
            let y = top + each * index as f64;
            block(paths.entry(fill).or_default(), from, y, to - from, each - hair);
            if each >= LETTERED_PX && to - from > 15.0 {
                let y = y + (each - hair) / 2.0 + self.letter_px() * 0.36;
                let (text, colour) = (letter(who), colour(who));
                self.labels.push(Label { x: from + 6.0, y, text, colour, stalled: still });
            }
        }
        if each >= LETTERED_PX || height <= 5.5 {
            return;
        }
        let letters: Vec<String> = holder.sharers.iter().map(letter).collect();
        let number = format!("{count} share it");
        let room = |text: &str| to - from > 9.0 + text.chars().count() as f64 * self.letter_px() * 0.62;
        let texts = [letters.join(" "), number, format!("{count}")];
        if let Some(text) = texts.into_iter().find(|text| room(text)) {
            let y = top + height / 2.0 + self.letter_px() * 0.36;
            // On paper: no colour of theirs lies below all of it.
            self.labels.push(Label { x: from + 6.0, y, text, colour: 0, stalled: true });
        }
    }
}

fn gap(pitch: f64) -> f64 {
    if pitch > 14.0 { (pitch / 5.0).min(5.0) } else { 2.0_f64.min(pitch / 4.0) }
}

/// A rectangle with round corners, a hair narrower than it is so that neighbours stay apart.
fn block(path: &mut String, x: f64, y: f64, width: f64, height: f64) {
    let (x, width) = if width > 4.0 { (x + 0.5, width - 1.0) } else { (x, width.max(0.8)) };
    let r = (height / 4.0).min(4.0).min(width / 2.5);
    let (w, h) = (width - 2.0 * r, height - 2.0 * r);
    let r = Px(r);
    let _ = if width < 4.0 {
        write!(path, "M{},{}h{}v{}h-{}z", Px(x), Px(y), Px(width), Px(height), Px(width))
    } else {
        write!(
            path,
            "M{},{}h{}a{r},{r},0,0,1,{r},{r}v{}a{r},{r},0,0,1-{r},{r}h-{}a{r},{r},0,0,1-{r}-{r}v-{}a{r},{r},0,0,1,{r}-{r}z",
            Px(x + r.0),
            Px(y),
            Px(w),
            Px(h),
            Px(w),
            Px(h)
        )
    };
}

/// The colours of a drawing that stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SvgColours {
    /// Behind everything.
    pub paper: &'static str,
    /// Words.
    pub ink: &'static str,
    /// Words of less weight.
    pub soft: &'static str,
    /// On members' colours.
    pub on: &'static str,
    /// Hatches.
    pub warn: &'static str,
    /// Members' hues.
    pub members: [&'static str; HUES as usize],
}

impl SvgColours {
    /// For light paper; a file is mostly put into a document.
    pub const LIGHT: SvgColours = SvgColours {
        paper: "#fffefb",
        ink: "#22252a",
        soft: "#5d626b",
        on: "#ffffff",
        warn: "#b5471b",
        members: ["#2178ce", "#8f6617", "#124e00", "#660857", "#5c3b9e", "#1d6b71"],
    };

    /// A member's hue.
    pub(super) fn of(&self, colour: u8) -> &'static str {
        self.members[usize::from(colour % HUES)]
    }
}

/// Drawings below each other as a file: each with its title, and a word about its score.
pub fn export_svg(title: &str, charts: &[(String, String, Chart)], colours: &SvgColours) -> String {
    const LEFT: f64 = 200.0;
    const TOP: f64 = 46.0;
    let width = charts.iter().map(|(_, _, chart)| chart.frame.width).fold(0.0, f64::max);
    let height: f64 = TOP + charts.iter().map(|(_, _, chart)| chart.height + 26.0).sum::<f64>();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\">\n<defs><pattern id=\"hatch\" width=\"6\" \
         height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><path d=\"M1,0v6\" \
         stroke=\"{2}\" stroke-width=\"1.6\"/></pattern><pattern id=\"dots\" width=\"5\" height=\"5\" \
         patternUnits=\"userSpaceOnUse\"><circle cx=\"2.5\" cy=\"2.5\" r=\"1\" fill=\"{6}\"/></pattern></defs>\n\
         <rect width=\"100%\" height=\"100%\" \
         fill=\"{3}\"/>\n<text x=\"20\" y=\"28\" font-size=\"15\" font-weight=\"600\" fill=\"{4}\">{5}</text>\n",
        Px(LEFT + width + 20.0),
        Px(height),
        colours.warn,
        colours.paper,
        colours.ink,
        escaped(title),
        colours.on
    );
    let mut top = TOP;
    for (name, score, chart) in charts {
        let _ = write!(
            svg,
            "<g transform=\"translate(20 {})\"><text y=\"13\" font-weight=\"600\" fill=\"{}\">{}</text>\
             <text y=\"30\" fill=\"{}\" font-size=\"11\">{}</text></g>\n<g transform=\"translate({} {})\">",
            Px(top),
            colours.ink,
            escaped(name),
            colours.soft,
            escaped(score),
            Px(LEFT),
            Px(top)
        );
        drawn(&mut svg, chart, colours);
        svg += "</g>\n";
        top += chart.height + 26.0;
    }
    svg += "</svg>\n";
    svg
}

fn drawn(svg: &mut String, chart: &Chart, colours: &SvgColours) {
    for (fill, d) in &chart.fills {
        let _ = match fill {
            Fill::Owned(colour) | Fill::Other(colour) => {
                write!(svg, "<path fill=\"{}\" d=\"{d}\"/>", colours.of(*colour))
            }
            Fill::Stalled(colour) => write!(
                svg,
                "<path fill=\"{}\" opacity=\".4\" d=\"{d}\"/><path fill=\"url(#hatch)\" d=\"{d}\"/>",
                colours.of(*colour)
            ),
            Fill::Nobody => write!(svg, "<path fill=\"url(#hatch)\" d=\"{d}\"/>"),
        };
        if fill.is_dotted() {
            let _ = write!(svg, "<path fill=\"url(#dots)\" d=\"{d}\"/>");
        }
    }
    for label in &chart.labels {
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" font-weight=\"600\" fill=\"{}\" paint-order=\"stroke\" \
             stroke=\"{}\" stroke-width=\"3\">{}</text>",
            Px(label.x),
            Px(label.y),
            Px(chart.letter_px()),
            if label.stalled { colours.ink } else { colours.on },
            if label.stalled { colours.paper } else { colours.of(label.colour) },
            escaped(&label.text)
        );
    }
    for (name, y) in &chart.lanes {
        let _ = write!(
            svg,
            "<text x=\"-8\" y=\"{}\" text-anchor=\"end\" font-size=\"10\" fill=\"{}\">{}</text>",
            Px(y + 3.5),
            colours.soft,
            escaped(name)
        );
    }
}

/// Text inside XML.
pub(in crate::view) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
