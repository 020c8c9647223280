//! The drawing itself, and the hands on it: wheel, drag, pinch, click.

use std::cell::RefCell;
use std::rc::Rc;

use gloo::events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast;
use web_sys::{Element, PointerEvent, WheelEvent};
use yew::prelude::*;

use crate::base::{NodeId, SimTime};
use crate::ui::target::Target;
use crate::ui::{Msg, seconds_of};
use crate::view::spacetime::{Life, Picture};
use crate::view::{Px, px};

use super::PictureRef;

/// A pointer that moves less is a click, in pixels.
const STILL: f64 = 4.0;

#[derive(PartialEq, Properties)]
pub(super) struct DiagramProps {
    pub(super) picture: PictureRef,
    pub(super) now: SimTime,
    /// How every node is now.
    pub(super) lives: Vec<(NodeId, Life)>,
    pub(super) selected: Option<u64>,
    /// What is under the pointer, in words.
    pub(super) hover: Option<(u64, String, String)>,
    pub(super) filtered: bool,
    /// The branch's name, when there are two.
    pub(super) name: String,
    /// When the two branches part.
    pub(super) parted: Option<SimTime>,
    /// It is another branch than the one that is played.
    #[prop_or_default]
    pub(super) branch: Option<usize>,
    pub(super) send: Callback<Msg>,
}

/// What the pointers do.
#[derive(Default)]
struct Hands {
    picture: Option<PictureRef>,
    down: Vec<(i32, f64, f64)>,
    begun: Option<(f64, f64)>,
    moved: bool,
    /// It began on the axis: the present is dragged.
    scrubs: bool,
    /// What is drawn is another branch.
    branch: Option<usize>,
}

impl Hands {
    fn spread(&self) -> Option<(f64, f64)> {
        let [(_, ax, ay), (_, bx, by)] = self.down.as_slice() else { return None };
        let (dx, dy) = (ax - bx, ay - by);
        Some(((dx * dx + dy * dy).sqrt(), (ax + bx) / 2.0))
    }

    fn place(&self, x: f64) -> f64 {
        let Some(picture) = &self.picture else { return 0.5 };
        ((x - picture.0.left) / (picture.0.right - picture.0.left).max(1.0)).clamp(0.0, 1.0)
    }
}

fn spot(plot: &NodeRef, event: &MouseEvent) -> Option<(f64, f64)> {
    let element = plot.cast::<Element>()?;
    let place = element.get_bounding_client_rect();
    let scrolled = f64::from(element.scroll_top());
    Some((f64::from(event.client_x()) - place.left(), f64::from(event.client_y()) - place.top() + scrolled))
}

fn pressed(hands: &Rc<RefCell<Hands>>, plot: &NodeRef, event: &PointerEvent, send: &Callback<Msg>) {
    let Some((x, y)) = spot(plot, event).filter(|_| event.button() == 0) else { return };
    let mut hands = hands.borrow_mut();
    hands.down.retain(|(id, ..)| *id != event.pointer_id());
    hands.down.push((event.pointer_id(), x, y));
    if hands.down.len() > 1 {
        hands.moved = true;
        return;
    }
    let on_axis = event.target().and_then(|it| it.dyn_into::<Element>().ok());
    hands.scrubs =
        hands.branch.is_none() && on_axis.is_some_and(|it| it.closest(".axis").ok().flatten().is_some());
    hands.begun = Some((x, y));
    hands.moved = false;
    if hands.scrubs
        && let Some(picture) = &hands.picture
        && x >= picture.0.left
    {
        send.emit(Msg::GoTo(picture.0.time(x)));
    }
}

fn moved(hands: &Rc<RefCell<Hands>>, plot: &NodeRef, event: &PointerEvent, send: &Callback<Msg>) {
    let Some((x, y)) = spot(plot, event) else { return };
    let mut hands = hands.borrow_mut();
    let Some(picture) = hands.picture.clone() else { return };
    let Some(index) = hands.down.iter().position(|(id, ..)| *id == event.pointer_id()) else {
        if event.pointer_type() != "touch" && hands.branch.is_none() {
            send.emit(Msg::Space(super::Msg::Hover(picture.0.hit(x, y))));
        }
        return;
    };
    let before = hands.spread();
    let (_, old_x, _) = hands.down[index];
    hands.down[index] = (event.pointer_id(), x, y);
    if let (Some((old, _)), Some((new, middle))) = (before, hands.spread()) {
        let place = hands.place(middle);
        send.emit(Msg::Space(super::Msg::Zoom(place, (new / old.max(1.0)).clamp(0.5, 2.0))));
        return;
    }
    let far = hands.begun.is_some_and(|(bx, by)| (x - bx).abs() + (y - by).abs() > STILL);
    if far && !hands.moved {
        hands.moved = true;
        if let Some(element) = plot.cast::<Element>() {
            let _ = element.set_pointer_capture(event.pointer_id());
        }
    }
    if hands.scrubs {
        send.emit(Msg::GoTo(picture.0.time(x)));
    } else if hands.moved {
        let wide = (picture.0.right - picture.0.left).max(1.0);
        send.emit(Msg::Space(super::Msg::Pan((old_x - x) / wide)));
    }
}

fn lifted(
    hands: &Rc<RefCell<Hands>>,
    plot: &NodeRef,
    event: &PointerEvent,
    send: &Callback<Msg>,
    is_over: bool,
) {
    let mut hands = hands.borrow_mut();
    let was_down = hands.down.iter().any(|(id, ..)| *id == event.pointer_id());
    hands.down.retain(|(id, ..)| *id != event.pointer_id());
    let is_click = was_down && !hands.moved && !hands.scrubs && !is_over;
    let Some((x, y)) = spot(plot, event).filter(|_| is_click) else { return };
    let Some(picture) = hands.picture.clone().filter(|picture| x >= picture.0.left - 4.0) else { return };
    let branch = hands.branch;
    drop(hands);
    if let Some(branch) = branch {
        send.emit(Msg::Switch(branch));
    }
    send.emit(Msg::Space(super::Msg::Select(picture.0.hit(x, y))));
}

fn wheeled(hands: &Rc<RefCell<Hands>>, plot: &NodeRef, event: &WheelEvent, send: &Callback<Msg>) {
    let Some((x, _)) = spot(plot, event) else { return };
    let (place, left, wide) = {
        let hands = hands.borrow();
        let Some(picture) = &hands.picture else { return };
        (hands.place(x), picture.0.left, (picture.0.right - picture.0.left).max(1.0))
    };
    // Beside the lines it scrolls, as everywhere.
    if x < left {
        return;
    }
    event.prevent_default();
    let unit = if event.delta_mode() == 0 { 1.0 } else { 24.0 };
    let (dx, dy) = (event.delta_x() * unit, event.delta_y() * unit);
    let msg = if dx.abs() > dy.abs() || event.shift_key() {
        let by = if dx.abs() > dy.abs() { dx } else { dy };
        super::Msg::Pan(by / wide)
    } else {
        let much = 1.0 + dy.abs().min(400.0) * if event.ctrl_key() { 0.01 } else { 0.002 };
        super::Msg::Zoom(place, if dy > 0.0 { 1.0 / much } else { much })
    };
    send.emit(Msg::Space(msg));
}

#[component]
pub(super) fn Diagram(props: &DiagramProps) -> Html {
    let plot = use_node_ref();
    let hands = use_mut_ref(Hands::default);
    hands.borrow_mut().picture = Some(props.picture.clone());
    hands.borrow_mut().branch = props.branch;
    {
        let (plot, hands, send) = (plot.clone(), hands.clone(), props.send.clone());
        use_effect_with((), move |()| {
            send.emit(Msg::Space(super::Msg::Measure));
            let element = plot.cast::<Element>();
            let listener = element.map(|element| {
                let options = EventListenerOptions::enable_prevent_default();
                EventListener::new_with_options(&element, "wheel", options, move |event| {
                    if let Some(event) = event.dyn_ref::<WheelEvent>() {
                        wheeled(&hands, &plot, event, &send);
                    }
                })
            });
            move || drop(listener)
        });
    }
    let hand = |act: fn(&Rc<RefCell<Hands>>, &NodeRef, &PointerEvent, &Callback<Msg>)| {
        let (hands, plot, send) = (hands.clone(), plot.clone(), props.send.clone());
        Callback::from(move |event: PointerEvent| act(&hands, &plot, &event, &send))
    };
    let ondblclick = {
        let (hands, plot, send) = (hands.clone(), plot.clone(), props.send.clone());
        Callback::from(move |event: MouseEvent| {
            let Some((x, y)) = spot(&plot, &event) else { return };
            let hit = hands.borrow().picture.as_ref().and_then(|picture| picture.0.hit(x, y));
            if let Some(seq) = hit {
                send.emit(Msg::Pick(Target::Entry(seq).to_string(), (x, y)));
            }
        })
    };
    let picture = &props.picture.0;
    let id = if props.branch.is_none() { "plot" } else { "plot-other" };
    let class = classes!("plot", props.hover.is_some().then_some("over"));
    let view_box = format!("0 0 {} {}", Px(picture.width), Px(picture.height));
    let button = |name: &'static str, msg: fn() -> super::Msg| {
        let onclick = props.send.reform(move |_: MouseEvent| Msg::Space(msg()));
        html! { <button class="btn" {onclick}>{ name }</button> }
    };
    let onpointerleave = props.send.reform(|_: PointerEvent| Msg::Space(super::Msg::Hover(None)));
    html! {
        <div {id} {class} ref={plot.clone()} role="group" aria-label={summary(picture)}
            onpointerdown={hand(pressed)} onpointermove={hand(moved)} {ondblclick} {onpointerleave}
            onpointerup={hand(|hands, plot, event, send| lifted(hands, plot, event, send, false))}
            onpointercancel={hand(|hands, plot, event, send| lifted(hands, plot, event, send, true))}>
            { axis(picture, props.now, &props.name) }
            <svg class="space" width={px(picture.width)} height={px(picture.height)} viewBox={view_box}>
                <Drawn picture={props.picture.clone()} />
                { present(picture, props.now) }
                { props.parted.map(|at| parting(picture, at)).unwrap_or_default() }
                { props.selected.map(|seq| marked(picture, seq, "chosen")).unwrap_or_default() }
                { props.hover.as_ref().map(|(seq, ..)| marked(picture, *seq, "hovered")).unwrap_or_default() }
                { for picture.rows.iter().map(|row| {
                    let life = props.lives.iter().find(|(node, _)| *node == row.node).map_or(Life::Up, |(_, life)| *life);
                    named(picture, row, life)
                }) }
            </svg>
            { props.hover.as_ref().map(|hover| tip(picture, hover)).unwrap_or_default() }
            if picture.is_empty() {
                <p class="nothing">
                    { if props.filtered { "The filter leaves nothing to be seen here." } else { "Nothing happened in this window." } }
                    <br />
                    { button("To the present", || super::Msg::Present) }
                    { " " }
                    if props.filtered {
                        { button("Show everything", || super::Msg::Everything) }
                    } else {
                        { button("All that was played", || super::Msg::Whole) }
                    }
                </p>
            }
        </div>
    }
}

fn summary(picture: &Picture) -> String {
    let (from, to) = picture.window.ends();
    format!(
        "Space–time diagram from {} to {}: {} nodes, {} frames, {} events",
        seconds_of(from),
        seconds_of(to),
        picture.rows.len(),
        picture.frames,
        picture.marks
    )
}

/// Stays in sight while the lines scroll below it.
fn axis(picture: &Picture, now: SimTime, name: &str) -> Html {
    let x = picture.x(now);
    let is_inside = x >= picture.left && x <= picture.right;
    // The flag does not leave the picture.
    let flag = x.clamp(picture.left + 34.0, (picture.right - 34.0).max(picture.left + 34.0));
    html! {
        <svg class="axis" width={px(picture.width)} height={px(picture.top)} aria-hidden="true">
            <rect class="ground" width={px(picture.width)} height={px(picture.top)} />
            { for picture.ticks.iter().map(|tick| html! {
                <>
                    <path class="tick" d={format!("M{},4V22", Px(tick.x))} />
                    if !is_inside || tick.x > flag + 34.0 || tick.x + 64.0 < flag - 34.0 {
                        <text x={px(tick.x + 5.0)} y="14">{ &tick.label }</text>
                    }
                </>
            }) }
            { for picture.banners.iter().filter(|banner| !banner.label.is_empty()).map(|banner| html! {
                <text class="fault-word" x={px(banner.x + 5.0)} y="34">{ &banner.label }</text>
            }) }
            if !name.is_empty() { <text class="branch-name" x="14" y="15">{ shortened(name, picture.left + 6.0) }</text> }
            if is_inside {
                <rect class="flag" x={px(flag - 34.0)} y="2" width="68" height="18" rx="5" />
                <text class="flag-word" x={px(flag)} y="15">{ seconds_of(now) }</text>
            }
        </svg>
    }
}

/// The present, and what of the picture is still to come.
fn present(picture: &Picture, now: SimTime) -> Html {
    let x = picture.x(now);
    let from = x.max(picture.left);
    html! { <>
        if from < picture.right {
            <rect class="pale" x={px(from)} y={px(picture.top - 18.0)} width={px(picture.right - from + 2.0)}
                height={px(picture.height)} />
        }
        if x >= picture.left && x <= picture.right {
            <path class="present" d={format!("M{},{}V{}", Px(x), Px(picture.top - 20.0), Px(picture.height))} />
        }
    </> }
}

/// Where two branches part.
fn parting(picture: &Picture, at: SimTime) -> Html {
    let x = picture.x(at);
    if x < picture.left || x > picture.right {
        return Html::default();
    }
    html! { <>
        <path class="parted" d={format!("M{},{}V{}", Px(x), Px(picture.top - 18.0), Px(picture.height))} />
        <text class="parted-word" x={px(x + 6.0)} y={px(picture.height - 6.0)}>{ "the branches part" }</text>
    </> }
}

fn marked(picture: &Picture, seq: u64, class: &'static str) -> Html {
    let spots = picture.spots_of(seq).map(|spot| {
        if spot.from == spot.to {
            html! { <circle {class} cx={px(spot.from.0)} cy={px(spot.from.1)} r="8" /> }
        } else {
            let d = format!("M{},{}L{},{}", Px(spot.from.0), Px(spot.from.1), Px(spot.to.0), Px(spot.to.1));
            html! { <path {class} {d} /> }
        }
    });
    html! { <>{ for spots }</> }
}

fn named(picture: &Picture, row: &crate::view::spacetime::Row, life: Life) -> Html {
    let state = match life {
        Life::Up => "",
        Life::Waiting => "not started",
        Life::Paused => "paused",
        Life::Down => "down",
    };
    let label = if state.is_empty() { row.name.clone() } else { format!("{}, {state}", row.name) };
    let y = if state.is_empty() { row.y + 4.0 } else { row.y - 2.0 };
    html! {
        <g key={row.node.0} class="pick node" data-pick={Target::Node(row.node).to_string()} role="button" tabindex="0"
            aria-label={label}>
            <rect class="hit" x="3" y={px(row.y - 16.0)} width={px(picture.left - 12.0)} height="32" rx="7" />
            <text x={px(picture.left - 14.0)} y={px(y)}>{ shortened(&row.name, picture.left) }</text>
            if !state.is_empty() { <text class="state" x={px(picture.left - 14.0)} y={px(row.y + 11.0)}>{ state }</text> }
        </g>
    }
}

fn shortened(name: &str, room: f64) -> String {
    let letter = if room < 100.0 { 7.0 } else { 7.2 };
    let (most, all) = (((room - 18.0) / letter) as usize, name.chars().count());
    if all <= most {
        return name.to_owned();
    }
    // What tells names apart is often at their end.
    let kept: String = name.chars().take(most.saturating_sub(4)).collect();
    let end: String = name.chars().skip(all - 3).collect();
    format!("{kept}…{end}")
}

fn tip(picture: &Picture, (seq, title, place): &(u64, String, String)) -> Html {
    let Some(spot) = picture.spots_of(*seq).next() else { return Html::default() };
    let (x, y) = ((spot.from.0 + spot.to.0) / 2.0, (spot.from.1 + spot.to.1) / 2.0);
    let x = x.clamp(120.0, (picture.width - 120.0).max(120.0));
    let below = y < picture.top + 60.0;
    let style = format!("left:{}px;top:{}px", Px(x), Px(if below { y + 16.0 } else { y - 12.0 }));
    let class = classes!("space-tip", below.then_some("below"));
    html! { <div {class} {style} aria-hidden="true"><b>{ title }</b><small>{ place }</small></div> }
}

#[derive(PartialEq, Properties)]
struct DrawnProps {
    picture: PictureRef,
}

/// What changes only with the picture.
#[component]
fn Drawn(props: &DrawnProps) -> Html {
    let picture = &props.picture.0;
    html! { <>
        { for picture.ticks.iter().map(|tick| {
            let d = format!("M{},{}V{}", Px(tick.x), Px(picture.top - 18.0), Px(picture.height));
            html! { <path class="grid" {d} /> }
        }) }
        { for picture.paths.iter().map(|(dim, paint, d)| html! {
            <path class={classes!(paint.class(), dim.then_some("dim"))} d={d.clone()} />
        }) }
        { for picture.labels.iter().map(|label| {
            let (cos, sin) = label.slope;
            let class = classes!("said", label.at_start.then_some("start"), label.paint.class());
            if sin == 0.0 {
                html! { <text {class} x={px(label.x)} y={px(label.y)}>{ &label.text }</text> }
            } else {
                let at = format!("matrix({} {} {} {} {} {})", Px(cos), Px(sin), Px(-sin), Px(cos), Px(label.x), Px(label.y));
                html! { <text {class} transform={at}>{ &label.text }</text> }
            }
        }) }
    </> }
}
