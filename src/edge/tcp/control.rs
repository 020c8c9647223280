//! The control interface: a little JSON over HTTP, so that a test in any language can break
//! things, look, and put the time on. What it says of itself at `/` is [`HELP`].

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HOST, HeaderValue, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{spawn_local, yield_now};
use tokio::time::sleep;

use crate::base::ms;
use crate::edge::tcp::server::Server;
use crate::sim::Command;

/// The longest body that is read.
const BODY_MAX_BYTES: usize = 1024 * 1024;
/// The time is put on by so much at once at most: a week.
const ADVANCE_MAX_MS: u64 = 7 * 24 * 3_600 * 1_000;
const TRACE_LIMIT: usize = 1_000;
const TRACE_LIMIT_MAX: usize = 20_000;

const HELP: &str = "\
Terrarium's control interface.

GET  /summary                where everything stands; digest, records and violations are null
                             unless the session is recorded
GET  /trace?after=N&limit=M  what happened after trace entry N, oldest first, at most M entries
                             (1000); \"next\" is the N to go on with, \"missed\" tells whether
                             entries before these are forgotten already
POST /commands               one command or an array of them, as in the script of a scenario:
                             {\"do\": \"kill\", \"node\": \"broker-1\"}. They are done in order; the
                             first that is refused ends it. One more is known here:
                             {\"do\": \"advance\", \"ms\": 45000}
POST /advance                {\"ms\": 45000} puts the world's time on, and answers when all that
                             was to happen until then has happened

Errors are {\"error\": \"...\"} with a status of 400 and more.
";

type Answer = Response<Full<Bytes>>;

/// Why a request is not done.
struct Refusal {
    status: StatusCode,
    body: Value,
}

impl Refusal {
    fn new(status: StatusCode, error: impl ToString) -> Refusal {
        Refusal { status, body: json!({ "error": error.to_string() }) }
    }

    fn bad(error: impl ToString) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, error)
    }
}

/// Something to be done: a scenario's command, or putting the time on.
enum Order {
    Command(Command),
    Advance(u64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    ms: u64,
}

pub(super) async fn listen(listener: TcpListener, server: Rc<RefCell<Server>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let server = Rc::clone(&server);
        spawn_local(async move {
            let service = service_fn(move |request| {
                let server = Rc::clone(&server);
                async move { Ok::<_, Infallible>(answer(request, &server).await) }
            });
            // A connection that breaks concerns nobody else.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>, server: &RefCell<Server>) -> Answer {
    let done = match admitted(&request) {
        Ok(()) => route(request, server).await,
        Err(refusal) => Err(refusal),
    };
    done.unwrap_or_else(|refusal| {
        let mut answer = in_json(&refusal.body);
        *answer.status_mut() = refusal.status;
        if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
        }
        answer
    })
}

/// Web pages of others have no business here: they come with an origin, or by a name that they
/// made point here.
fn admitted(request: &Request<Incoming>) -> Result<(), Refusal> {
    let forbidden = |what: &str| Err(Refusal::new(StatusCode::FORBIDDEN, what));
    if request.headers().contains_key(ORIGIN) {
        return forbidden("requests of web pages are not answered");
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    if address == "localhost" || address.parse::<std::net::IpAddr>().is_ok() {
        return Ok(());
    }
    forbidden("say localhost or an IP address")
}

async fn route(request: Request<Incoming>, server: &RefCell<Server>) -> Result<Answer, Refusal> {
    let path = request.uri().path().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::GET, "/") => Ok(in_text(HELP)),
        (&Method::GET, "/summary") => {
            let server = server.borrow();
            let summary = serde_json::to_value(server.door().world().summary());
            let mut summary =
                summary.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error))?;
            summary["connections"] = server.door().connections().into();
            if !server.door().is_recorded() {
                for unknown in ["digest", "records", "violations"] {
                    summary[unknown] = Value::Null;
                }
            }
            Ok(in_json(&summary))
        }
        (&Method::GET, "/trace") => trace(request.uri().query().unwrap_or_default(), &server.borrow()),
        (&Method::POST, "/commands") => {
            let body = body_of(request).await?;
            let orders = match body {
                Value::Array(items) => items.into_iter().map(order_of).collect::<Vec<_>>(),
                one => vec![order_of(one)],
            };
            commands(orders, server).await
        }
        (&Method::POST, "/advance") => {
            let Advance { ms } = serde_json::from_value(body_of(request).await?).map_err(Refusal::bad)?;
            advance(ms, server).await?;
            Ok(in_json(&json!({ "t_ms": server.borrow().door().now().as_ms() })))
        }
        (_, "/" | "/summary" | "/trace" | "/commands" | "/advance") => {
            Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("not with {}", request.method())))
        }
        _ => {
            Err(Refusal::new(StatusCode::NOT_FOUND, format!("there is no {path}; GET / says what there is")))
        }
    }
}

async fn body_of(request: Request<Incoming>) -> Result<Value, Refusal> {
    let body = Limited::new(request.into_body(), BODY_MAX_BYTES).collect().await;
    let body = body.map_err(|error| Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error))?;
    serde_json::from_slice(&body.to_bytes()).map_err(Refusal::bad)
}

fn order_of(value: Value) -> Result<Order, String> {
    if value.get("do").and_then(Value::as_str) == Some("advance") {
        return match (value.get("ms").and_then(Value::as_u64), value.as_object().map(|it| it.len())) {
            (Some(ms), Some(2)) => Ok(Order::Advance(ms)),
            _ => Err("advance: expected ms, a whole number from 0, and nothing else".into()),
        };
    }
    match serde_json::from_value(value) {
        Ok(Command::Connect { .. } | Command::Bytes { .. } | Command::HangUp { .. }) => {
            Err("what programs outside do comes by their connections".into())
        }
        Ok(command) => Ok(Order::Command(command)),
        Err(error) => Err(error.to_string()),
    }
}

async fn commands(orders: Vec<Result<Order, String>>, server: &RefCell<Server>) -> Result<Answer, Refusal> {
    // Nothing is done of orders that cannot all be read.
    let at = |index: usize, status: StatusCode, error: String| {
        let body = json!({ "error": error, "command": index, "t_ms": server.borrow().door().now().as_ms() });
        Refusal { status, body }
    };
    let mut known = Vec::new();
    for (index, order) in orders.into_iter().enumerate() {
        known.push(order.map_err(|error| at(index, StatusCode::BAD_REQUEST, error))?);
    }
    let count = known.len();
    for (index, order) in known.into_iter().enumerate() {
        match order {
            Order::Command(command) => {
                let done = server.borrow_mut().command(command);
                done.map_err(|error| at(index, StatusCode::CONFLICT, error.to_string()))?;
            }
            Order::Advance(ms) => advance(ms, server).await?,
        }
    }
    Ok(in_json(&json!({ "done": count, "t_ms": server.borrow().door().now().as_ms() })))
}

async fn advance(by_ms: u64, server: &RefCell<Server>) -> Result<(), Refusal> {
    if by_ms > ADVANCE_MAX_MS {
        return Err(Refusal::bad(format!("at most {ADVANCE_MAX_MS} ms at once")));
    }
    let to = server.borrow_mut().skip(ms(by_ms));
    while !server.borrow().has_skipped(to) {
        yield_now().await;
    }
    Ok(())
}

fn trace(query: &str, server: &Server) -> Result<Answer, Refusal> {
    let (mut after, mut limit) = (0_u64, TRACE_LIMIT);
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let number: u64 = value
            .parse()
            .map_err(|_| Refusal::bad(format!("{name}: expected a whole number, found '{value}'")))?;
        match name {
            "after" => after = number,
            "limit" => limit = (number as usize).min(TRACE_LIMIT_MAX),
            _ => return Err(Refusal::bad(format!("no '{name}' is known here: after, limit"))),
        }
    }
    let entries: Vec<_> = server.door().trace(after).take(limit).collect();
    let next = entries.last().map_or(after, |entry| entry.seq);
    let missed = entries.first().is_some_and(|entry| entry.seq > after.saturating_add(1));
    Ok(in_json(&json!({ "entries": entries, "next": next, "missed": missed })))
}

fn in_json(value: &Value) -> Answer {
    let mut text = value.to_string();
    text.push('\n');
    with_type(text, "application/json")
}

fn in_text(text: &str) -> Answer {
    with_type(text.to_owned(), "text/plain; charset=utf-8")
}

fn with_type(text: String, content_type: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
