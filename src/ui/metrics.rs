//! The metrics on the page: a plot for each, over the time of the strip below them.

use std::rc::Rc;

use yew::prelude::*;

use crate::base::SimTime;
use crate::view::metrics::{Line, MetricsIndex, Plot, plots};
use crate::view::words::Names;
use crate::view::{Px, px};

use super::session::Session;
use super::target::Target;
use super::{Msg, seconds_of};

/// Columns of a plot.
const BUCKETS: u32 = 120;
const HEIGHT: f64 = 44.0;
/// They are drawn anew at most so often while playing, in milliseconds.
const EVERY_MS: f64 = 200.0;

/// The metrics, kept from one frame to the next.
#[derive(Default)]
pub(super) struct Metrics {
    index: MetricsIndex,
    plots: Rc<Vec<Plot>>,
    drawn_at: f64,
}

impl Metrics {
    #[inline(never)]
    pub(super) fn draw(&mut self, session: &Session, horizon: SimTime, clock: f64) {
        if session.playing && clock - self.drawn_at < EVERY_MS {
            return;
        }
        self.drawn_at = clock;
        let branch = session.run.branch();
        self.index.update(branch);
        let names = Names::of(session.run.world());
        self.plots = Rc::new(plots(&self.index, branch, &names, horizon, BUCKETS, session.now()));
    }

    #[inline(never)]
    pub(super) fn view(&self, now: SimTime, horizon: SimTime, send: &Callback<Msg>) -> Html {
        let place = now.0 as f64 / horizon.0.max(1) as f64 * 100.0;
        html! {
            <div class="operations metrics" style={format!("--now:{}%", Px(place))}>
                <div class="plots"><Plots plots={PlotsRef(Rc::clone(&self.plots))} {horizon} send={send.clone()} /></div>
                <p class="tip">{ "Rates are those of the last second. A click on a plot goes to that moment." }</p>
            </div>
        }
    }
}

/// Plots that are compared by where they are.
#[derive(Clone)]
struct PlotsRef(Rc<Vec<Plot>>);

impl PartialEq for PlotsRef {
    fn eq(&self, other: &PlotsRef) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

#[derive(PartialEq, Properties)]
struct PlotsProps {
    plots: PlotsRef,
    horizon: SimTime,
    send: Callback<Msg>,
}

#[component]
fn Plots(props: &PlotsProps) -> Html {
    html! { <>{ for props.plots.0.iter().map(|plot| one(plot, props.horizon, &props.send)) }</> }
}

fn one(plot: &Plot, horizon: SimTime, send: &Callback<Msg>) -> Html {
    let width = f64::from(BUCKETS);
    let go = {
        let send = send.clone();
        Callback::from(move |event: MouseEvent| {
            let Some(drawing) = event.current_target().and_then(|it| wasm_bindgen::JsCast::dyn_into(it).ok())
            else {
                return;
            };
            let drawing: web_sys::Element = drawing;
            let rect = drawing.get_bounding_client_rect();
            let place = (f64::from(event.client_x()) - rect.left()) / rect.width().max(1.0);
            send.emit(Msg::GoTo(SimTime((horizon.0 as f64 * place.clamp(0.0, 1.0)) as u64)));
        })
    };
    let now: Vec<String> =
        plot.lines.iter().map(|line| format!("{} {}", line.name, line.now).trim().to_owned()).collect();
    let moved = plot.moved.as_ref();
    html! {
        <section class={classes!("plot-card", plot.bad.then_some("bad"))} key={plot.name.clone()} aria-label={plot.name.clone()}>
            <h3 title={plot.words}>{ &plot.name }</h3>
            <p class="value">{ now.join(" · ") }if plot.bad { <em>{ " !" }</em> }</p>
            <p class="what">{ plot.words }</p>
            <div class="graph" onclick={go} role="presentation">
                <svg viewBox={format!("0 0 {} {}", Px(width), Px(HEIGHT))} preserveAspectRatio="none" aria-hidden="true">
                    { for plot.lines.iter().rev().map(|line| html! {
                        <path class={classes!("graph-line", (line.name == "p99").then_some("high"))} d={path(line, plot.top)} />
                    }) }
                </svg>
                <small class="top-of">{ &plot.top_words }</small>
                <span class="cursor" aria-hidden="true" />
            </div>
            <p class="moved">
                if let Some(moved) = moved {
                    { format!("{} at {}: ", moved.how, seconds_of(moved.time)) }
                    <button data-pick={Target::Entry(moved.seq).to_string()}>{ &moved.title }</button>
                } else {
                    { "has not moved" }
                }
            </p>
        </section>
    }
}

/// Steps from bucket to bucket; a gap where nothing was measured.
fn path(line: &Line, top: i64) -> String {
    let mut d = String::new();
    let mut was = false;
    for (bucket, value) in line.values.iter().enumerate() {
        let Some(value) = value else {
            was = false;
            continue;
        };
        let y = px(HEIGHT - 2.0 - *value as f64 / top.max(1) as f64 * (HEIGHT - 4.0));
        d += &if was { format!("V{y}H{}", bucket + 1) } else { format!("M{bucket},{y}H{}", bucket + 1) };
        was = true;
    }
    d
}
