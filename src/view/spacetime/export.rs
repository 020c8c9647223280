//! What can be taken along: the picture as SVG, what it shows as Mermaid's text.

use std::fmt::Write;

use crate::base::{NodeId, sort_by_key};
use crate::sim::Branch;
use crate::trace::Event;
use crate::view::Px;
use crate::view::theatre::{SvgColours, escaped, plain};
use crate::view::words::{Names, frame_label, title};

use super::{End, Filter, Flow, Life, Paint, Picture, Sort, SpaceIndex};

/// A sequence diagram has at most so many lines.
const LINES_MAX: usize = 400;

/// The picture as a file, under a title.
pub fn svg(picture: &Picture, title: &str, colours: &SvgColours) -> String {
    const HEAD: f64 = 40.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"{2}\"/>\n\
         <text x=\"16\" y=\"26\" font-size=\"15\" font-weight=\"600\" fill=\"{3}\">{4}</text>\n<g transform=\"translate(0 {5})\">\n",
        Px(picture.width),
        Px(picture.height + HEAD),
        colours.paper,
        colours.ink,
        escaped(title),
        Px(HEAD)
    );
    for tick in &picture.ticks {
        let _ = writeln!(
            svg,
            "<text x=\"{0}\" y=\"16\" fill=\"{1}\">{2}</text><path d=\"M{3},22V{4}\" stroke=\"{1}\" opacity=\".2\"/>",
            Px(tick.x + 4.0),
            colours.soft,
            escaped(&tick.label),
            Px(tick.x),
            Px(picture.height)
        );
    }
    for row in &picture.rows {
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" font-size=\"12\" fill=\"{}\">{}</text>",
            Px(picture.left - 12.0),
            Px(row.y + 4.0),
            colours.ink,
            escaped(&row.name)
        );
    }
    for (dim, paint, d) in &picture.paths {
        let opacity = if *dim { " opacity=\".15\"" } else { "" };
        let _ = writeln!(svg, "<path d=\"{d}\" {}{opacity}/>", style(*paint, colours));
    }
    for banner in &picture.banners {
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" fill=\"{}\">{}</text>",
            Px(banner.x + 4.0),
            Px(picture.top - 6.0),
            colours.warn,
            escaped(&banner.label)
        );
    }
    for label in &picture.labels {
        let (cos, sin) = label.slope;
        let _ = writeln!(
            svg,
            "<text transform=\"matrix({} {} {} {} {} {})\" text-anchor=\"{}\" fill=\"{}\" paint-order=\"stroke\" stroke=\"{}\" \
             stroke-width=\"3\">{}</text>",
            Px(cos),
            Px(sin),
            Px(-sin),
            Px(cos),
            Px(label.x),
            Px(label.y),
            if label.at_start { "start" } else { "middle" },
            colours.ink,
            colours.paper,
            escaped(&label.text)
        );
    }
    svg += "</g>\n</svg>\n";
    svg
}

fn colour(flow: Flow, colours: &SvgColours) -> &'static str {
    match flow {
        Flow::Produce => "#0b6e99",
        Flow::Replicate => "#2d7a4b",
        Flow::Consume => colours.members[4],
        Flow::Groups => colours.members[1],
        Flow::Cluster => colours.soft,
    }
}

fn style(paint: Paint, colours: &SvgColours) -> String {
    let line = |colour: &str, more: &str| format!("fill=\"none\" stroke=\"{colour}\" {more}");
    match paint {
        Paint::Life(Life::Up) => line(colours.ink, "stroke-width=\"1.6\""),
        Paint::Life(Life::Waiting) => line(colours.soft, "stroke-dasharray=\"1 5\""),
        Paint::Life(Life::Paused) => line(colours.warn, "stroke-width=\"2\" stroke-dasharray=\"8 3 2 3\""),
        Paint::Life(Life::Down) => line(colours.warn, "stroke-width=\"1.6\" stroke-dasharray=\"3 7\""),
        Paint::Banner => line(colours.warn, "stroke-dasharray=\"4 3\""),
        Paint::Bar(flow) => format!("fill=\"{}\"", colour(flow, colours)),
        Paint::Line(flow, false) => line(colour(flow, colours), "stroke-width=\"1.3\""),
        Paint::Line(flow, true) => {
            line(colour(flow, colours), "stroke-width=\"1.1\" stroke-dasharray=\"5 3\"")
        }
        Paint::Held(flow) => line(colour(flow, colours), "stroke-width=\"2.4\" stroke-dasharray=\"2 4\""),
        Paint::Head(flow, false) | Paint::Dot(flow) => format!("fill=\"{}\"", colour(flow, colours)),
        Paint::Head(flow, true) => line(colour(flow, colours), "stroke-width=\"1.3\""),
        Paint::Lost => line(colours.warn, "stroke-width=\"2.2\""),
        Paint::Point(sort) => match sort {
            Sort::Timer => line(colours.soft, ""),
            Sort::Request => line(colours.soft, "stroke-width=\"1.2\""),
            Sort::Client => format!("fill=\"{}\"", colours.soft),
            Sort::Log => "fill=\"#2d7a4b\"".to_owned(),
            Sort::Group => format!("fill=\"{}\"", colours.members[1]),
            Sort::Controller => "fill=\"#7a3fa0\"".to_owned(),
            Sort::Fault => format!("fill=\"{}\"", colours.warn),
        },
    }
}

/// The window's frames and what happened at nodes, as far as the filter lets see, as a sequence
/// diagram in Mermaid's words. A frame stands where it arrives, or is lost.
pub fn mermaid(
    index: &SpaceIndex,
    branch: &Branch,
    names: &Names,
    filter: &Filter,
    picture: &Picture,
) -> String {
    let (from, to) = picture.window.ends();
    let row = |node: NodeId| picture.rows.iter().position(|row| row.node == node);
    let chosen = index.chosen.as_ref().filter(|_| filter.partition.is_some());
    let mut lines = Vec::new();
    for (place, arrow) in index.arrows.iter().enumerate() {
        let is_it = arrow.sent <= to
            && arrow.ended >= from
            && arrow.end != End::Flying
            && filter.allows(arrow)
            && chosen.is_none_or(|chosen| chosen.arrows.get(place).copied().unwrap_or(false));
        let (Some(a), Some(b)) = (row(arrow.from), row(arrow.to)) else { continue };
        let Some(Event::Sent { frame, .. }) =
            branch.entry(arrow.seq).filter(|_| is_it).map(|entry| &entry.event)
        else {
            continue;
        };
        let sign = match (arrow.end, arrow.reply) {
            (End::Arrived, false) => "->>",
            (End::Arrived, true) => "-->>",
            (_, false) => "-x",
            (_, true) => "--x",
        };
        lines.push((arrow.end_seq, format!("n{a}{sign}n{b}: {}", plain(&frame_label(frame, names)))));
    }
    for (place, point) in index.points.iter().enumerate() {
        let is_it = point.time >= from
            && point.time <= to
            && point.sort > Sort::Request
            && !filter.sorts.contains(&point.sort)
            && chosen.is_none_or(|chosen| chosen.points.get(place).copied().unwrap_or(false));
        let Some(entry) = branch.entry(point.seq).filter(|_| is_it) else { continue };
        let over = match row(point.node) {
            Some(at) => format!("n{at}"),
            None if point.sort == Sort::Fault && !picture.rows.is_empty() => {
                format!("n0,n{}", picture.rows.len() - 1)
            }
            None => continue,
        };
        lines.push((point.seq, format!("Note over {over}: {} {}", entry.time, plain(&title(entry, names)))));
    }
    sort_by_key(&mut lines, |(seq, _)| *seq);
    let left_out = lines.len().saturating_sub(LINES_MAX);
    let mut text = String::from("sequenceDiagram\n");
    for (number, row) in picture.rows.iter().enumerate() {
        let _ = writeln!(text, "  participant n{number} as {}", plain(&row.name));
    }
    for (_, line) in lines.iter().take(LINES_MAX) {
        let _ = writeln!(text, "  {line}");
    }
    if left_out > 0 {
        let _ = writeln!(text, "  %% {left_out} more left out: choose a shorter time");
    }
    text
}
