//! Records of internal topics: what their keys and values say, field by field.

use bytes::Bytes;

use crate::protocol::records::{InternalTopic, RecordPart};
use crate::protocol::{Dissection, Span};
use crate::storage::{self, BatchSpan, RecordBatch, UnifiedLog};
use crate::view::words::Names;

use super::FieldView;
use super::frame::mark_leaves;

/// A title names so many fields.
const TITLE_FIELDS: usize = 8;
/// A title lists so many numbers of an array.
const TITLE_NUMBERS: usize = 12;

/// A key or a value, opened up.
#[derive(Clone, Debug, PartialEq)]
pub struct PartView {
    /// `OffsetCommitKey v1 · group rides · topic trips · partition 0`.
    pub title: String,
    /// Its fields; positions count from its first byte.
    pub fields: Vec<FieldView>,
    /// What could not be read of it.
    pub error: Option<String>,
}

/// Who can open the records of a topic up.
#[derive(Clone, Copy)]
pub(super) struct Opener<'a> {
    topic: InternalTopic,
    names: &'a Names,
}

impl<'a> Opener<'a> {
    /// For records of this topic, if they have schemas.
    pub(super) fn of(topic: &str, names: &'a Names) -> Option<Opener<'a>> {
        Some(Opener { topic: InternalTopic::named(topic)?, names })
    }

    pub(super) fn key(self, is_control: bool, key: &Bytes) -> PartView {
        self.view(self.topic.dissect_key(is_control, key))
    }

    pub(super) fn value(self, is_control: bool, key: Option<&Bytes>, value: &Bytes) -> PartView {
        self.view(self.topic.dissect_value(is_control, key, value))
    }

    fn view(self, part: RecordPart) -> PartView {
        let error = part.dissection.error.map(|error| error.to_string());
        let title = if part.schema.is_empty() {
            error.clone().unwrap_or_default()
        } else {
            self.title(part.schema, part.version, &part.dissection)
        };
        let field = |span: Span| FieldView {
            depth: span.depth,
            name: span.name,
            value: span.value,
            start: span.start,
            end: span.end,
            is_leaf: true,
        };
        PartView { title, fields: mark_leaves(part.dissection.spans.into_iter().map(field).collect()), error }
    }

    #[inline(never)]
    fn title(self, schema: &str, version: i16, dissection: &Dissection) -> String {
        let mut title = format!("{schema} v{version}");
        let (mut said, mut tagged, mut leading) = (0, false, schema != "ControlRecordKey");
        for (index, span) in dissection.spans.iter().enumerate() {
            leading &= matches!(span.name.as_str(), "type" | "version" | "frameVersion" | "apiKey");
            if span.depth == 0 {
                tagged = span.name == "_tagged_fields";
            }
            let own = if tagged { span.depth == 1 } else { span.depth == 0 };
            let value = span.value.trim_matches('"');
            if leading || !own || matches!(value, "" | "null" | "0 elements") {
                continue;
            }
            if said == TITLE_FIELDS {
                title += " …";
                break;
            }
            said += 1;
            let name = self.names.topic_of_id(value).filter(|_| span.name == "topicId");
            title += &match name {
                Some(name) => format!(" · topic {name}"),
                None => format!(
                    " · {} {}",
                    span.name,
                    numbers(&dissection.spans[index..]).unwrap_or(value.into())
                ),
            };
        }
        title
    }
}

/// The numbers of an array whose span is the first.
fn numbers(spans: &[Span]) -> Option<String> {
    let (array, rest) = spans.split_first()?;
    if !array.value.ends_with(" elements") {
        return None;
    }
    let elements = || rest.iter().take_while(|span| span.depth > array.depth);
    if array.value == "1 elements" && rest.first().is_some_and(|first| first.value.is_empty()) {
        return Some("1 element".to_owned());
    }
    if elements().any(|span| span.depth > array.depth + 1 || span.value.is_empty()) {
        return None;
    }
    let shown: Vec<&str> = elements().take(TITLE_NUMBERS).map(|span| span.value.trim_matches('"')).collect();
    let more = if elements().count() > shown.len() { ", …" } else { "" };
    Some(format!("{}{more}", shown.join(", ")))
}

/// The fields of batches whose first byte is at `start`, and which lie `depth` levels deep; with an
/// opener, also those inside their keys and values.
pub(super) fn batch_fields(
    bytes: &Bytes,
    start: u32,
    depth: u8,
    opener: Option<Opener<'_>>,
) -> Vec<FieldView> {
    let mut fields = Vec::new();
    let (mut is_control, mut key) = (false, None);
    for span in storage::dissect(bytes) {
        let (from, depth) = (start.saturating_add(span.start), depth.saturating_add(span.depth));
        let part = opener.and_then(|opener| {
            let content = || bytes.slice(span.start as usize..span.end as usize);
            match &*span.name {
                "RecordBatch" => {
                    is_control = RecordBatch::parse(&content()).is_ok_and(|(batch, _)| batch.is_control())
                }
                "length" => key = None,
                "key" => {
                    let content = content();
                    let part = opener.key(is_control, &content);
                    key = Some(content);
                    return Some(part);
                }
                "value" => return Some(opener.value(is_control, key.as_ref(), &content())),
                _ => {}
            }
            None
        });
        let BatchSpan { name, value, end, .. } = span;
        let value = part.as_ref().map_or(value, |part| part.title.clone());
        let end = start.saturating_add(end);
        fields.push(FieldView { depth, name: name.into_owned(), value, start: from, end, is_leaf: true });
        for field in part.into_iter().flat_map(|part| part.fields) {
            fields.push(FieldView {
                depth: depth.saturating_add(1).saturating_add(field.depth),
                start: from.saturating_add(field.start),
                end: from.saturating_add(field.end),
                ..field
            });
        }
    }
    mark_leaves(fields)
}

/// The records of a log from an offset on, each with its offset and what its value, or its key, says.
pub(in crate::view) fn log_records(
    log: &UnifiedLog,
    from: i64,
    names: &Names,
) -> impl Iterator<Item = (i64, String)> {
    let opener = Opener::of(&log.topic_partition().topic, names);
    log.batches_from(from).flat_map(move |batch| {
        let is_control = batch.is_control();
        let records = batch.records().filter_map(Result::ok);
        let said = records.filter_map(|record| {
            let value = record.value.as_ref()?;
            let title = opener?.value(is_control, record.key.as_ref(), value).title;
            Some((record.offset, title))
        });
        said.collect::<Vec<_>>()
    })
}

/// Whether a record's title says that it means nothing.
pub(in crate::view) fn is_idle(title: &str) -> bool {
    title.starts_with("NoOpRecord ")
}
