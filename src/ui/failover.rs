//! How long fail-over takes, on ZooKeeper and with KRaft: measured in the page, between its frames.

use std::cell::RefCell;
use std::rc::Rc;

use gloo::render::{AnimationFrame, request_animation_frame};
use yew::prelude::*;

use crate::sim::Dies;
use crate::view::failover::{
    DEATHS, Exhibit, HEIGHT, Keeper, Line, Plot, Stretch, WIDTH, field, heading, plot, rows, why,
};
use crate::view::px;

use super::dom;

/// The worlds are played for so long in each frame, in milliseconds.
const BUDGET_MS: f64 = 9.0;
/// So many events between two looks at the clock.
const EVENTS: u32 = 20;

/// What was measured, kept while the page is open.
pub(super) type Kept = Rc<RefCell<Exhibit>>;

#[derive(Properties)]
pub(super) struct Props {
    pub(super) kept: Kept,
}

impl PartialEq for Props {
    fn eq(&self, other: &Props) -> bool {
        Rc::ptr_eq(&self.kept, &other.kept)
    }
}

pub(super) enum Msg {
    Frame,
    Run(bool),
    Stretch(Stretch),
}

pub(super) struct FailoverView {
    running: bool,
    stretch: Stretch,
    frame: Option<AnimationFrame>,
}

impl Component for FailoverView {
    type Message = Msg;
    type Properties = Props;

    #[inline(never)]
    fn create(ctx: &Context<FailoverView>) -> FailoverView {
        let running = !ctx.props().kept.borrow().is_done();
        let mut view = FailoverView { running, stretch: Stretch::Work, frame: None };
        view.ask_for_frame(ctx);
        view
    }

    #[inline(never)]
    fn update(&mut self, ctx: &Context<FailoverView>, msg: Msg) -> bool {
        match msg {
            Msg::Frame => {
                if !self.running {
                    return false;
                }
                let mut exhibit = ctx.props().kept.borrow_mut();
                let until = dom::clock() + BUDGET_MS;
                let mut done = false;
                while !done && dom::clock() < until {
                    done = exhibit.advance(EVENTS);
                }
                self.running = !exhibit.is_done();
                self.ask_for_frame(ctx);
                done
            }
            Msg::Run(running) => {
                self.running = running;
                self.ask_for_frame(ctx);
                true
            }
            Msg::Stretch(stretch) => {
                self.stretch = stretch;
                true
            }
        }
    }

    #[inline(never)]
    fn view(&self, ctx: &Context<FailoverView>) -> Html {
        let exhibit = ctx.props().kept.borrow();
        html! {
            <div class="failover">
                <p>{ "Three brokers, on ZooKeeper as until Kafka 3.9 and with KRaft. Somebody dies: how long until every \
                      partition has a leader again, and how does that grow with the partitions?" }</p>
                { self.bar(ctx, &exhibit) }
                <div class="pair">
                    { for DEATHS.map(|dies| figure(&exhibit, dies, self.stretch)) }
                </div>
                { table(&exhibit, self.stretch) }
            </div>
        }
    }
}

impl FailoverView {
    fn ask_for_frame(&mut self, ctx: &Context<FailoverView>) {
        let link = ctx.link().clone();
        self.frame = self.running.then(|| request_animation_frame(move |_| link.send_message(Msg::Frame)));
    }

    fn bar(&self, ctx: &Context<FailoverView>, exhibit: &Exhibit) -> Html {
        let link = ctx.link();
        let choice = |stretch: Stretch, words: &'static str| {
            let onchange = link.callback(move |_: Event| Msg::Stretch(stretch));
            html! { <label><input type="radio" name="stretch" checked={self.stretch == stretch} {onchange} />{ words }</label> }
        };
        let (played, all) = exhibit.progress();
        let running = self.running;
        html! {
            <div class="measuring">
                <div class="choice" role="radiogroup" aria-label="What is shown">
                    { choice(Stretch::Work, "from when it is known") }{ choice(Stretch::All, "from the death") }
                </div>
                if !exhibit.is_done() {
                    <button class="btn" onclick={link.callback(move |_: MouseEvent| Msg::Run(!running))}>
                        { if running { "Stop" } else { "Go on" } }
                    </button>
                    <progress value={played.to_string()} max={all.to_string()} aria-label="Worlds played" />
                }
                <span class="tip" role="status">{ exhibit.doing() }</span>
            </div>
        }
    }
}

fn class(keeper: Keeper) -> &'static str {
    match keeper {
        Keeper::ZooKeeper => "on-zookeeper",
        Keeper::KRaft => "on-kraft",
    }
}

fn figure(exhibit: &Exhibit, dies: Dies, stretch: Stretch) -> Html {
    html! {
        <figure key={heading(dies)}>
            <h3>{ heading(dies) }<span>{ for Keeper::ALL.map(key) }</span></h3>
            { drawing(&plot(exhibit.measured(), dies, stretch)) }
            <figcaption>{ why(dies, stretch) }</figcaption>
        </figure>
    }
}

fn drawing(plot: &Plot) -> Html {
    let (left, _, right, bottom) = field();
    html! {
        <svg viewBox={format!("0 0 {} {}", px(WIDTH), px(HEIGHT))} role="img" aria-label={plot.said.clone()}>
            { for plot.up.iter().map(|(y, words)| html! { <>
                <line class="hair" x1={px(left)} x2={px(right)} y1={px(*y)} y2={px(*y)} />
                <text x={px(left - 6.0)} y={px(y + 4.0)} text-anchor="end">{ words }</text>
            </> }) }
            { for plot.across.iter().map(|(x, words)| html! {
                <text x={px(*x)} y={px(bottom + 15.0)} text-anchor="middle">{ words }</text>
            }) }
            <text x={px((left + right) / 2.0)} y={px(bottom + 30.0)} text-anchor="middle">{ "partitions" }</text>
            { for plot.lines.iter().map(line) }
        </svg>
    }
}

fn line(line: &Line) -> Html {
    html! {
        <g class={class(line.keeper)}>
            <path d={line.path.clone()} />
            { for line.points.iter().map(|(x, y, words)| mark(line.keeper, *x, *y, words)) }
        </g>
    }
}

/// The sign of a point: its shape says whose it is, too.
fn mark(keeper: Keeper, x: f64, y: f64, words: &str) -> Html {
    let title = html! { <title>{ words }</title> };
    match keeper {
        Keeper::ZooKeeper => html! { <circle cx={px(x)} cy={px(y)} r="4">{ title }</circle> },
        Keeper::KRaft => {
            html! { <rect x={px(x - 3.5)} y={px(y - 3.5)} width="7" height="7">{ title }</rect> }
        }
    }
}

/// Which line is whose.
fn key(keeper: Keeper) -> Html {
    html! {
        <em>
            <svg width="34" height="12" viewBox="0 0 34 12" aria-hidden="true">
                <g class={class(keeper)}><path d="M0,6H34" />{ mark(keeper, 17.0, 6.0, keeper.name()) }</g>
            </svg>{ keeper.name() }
        </em>
    }
}

fn table(exhibit: &Exhibit, stretch: Stretch) -> Html {
    html! {
        <table>
            <thead>
                <tr><th />{ for DEATHS.map(|dies| html! { <th colspan="2" scope="colgroup">{ heading(dies) }</th> }) }</tr>
                <tr><th scope="col">{ "partitions" }</th>
                    { for DEATHS.iter().flat_map(|_| Keeper::ALL).map(|keeper| html! { <th scope="col">{ keeper.name() }</th> }) }
                </tr>
            </thead>
            <tbody>
                { for rows(exhibit.measured(), stretch).into_iter().map(|(partitions, cells)| html! {
                    <tr key={partitions}><th scope="row">{ partitions }</th>
                        { for cells.into_iter().flatten().map(|cell| html! { <td>{ cell.unwrap_or_else(|| "…".to_owned()) }</td> }) }
                    </tr>
                }) }
            </tbody>
        </table>
    }
}
