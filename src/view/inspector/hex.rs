//! Bytes in rows, each run of them belonging to one field.

use crate::view::inspector::FieldView;

/// Bytes in a full row.
pub const BYTES_PER_ROW: usize = 8;
/// How many colours there are; neighbouring fields have different ones.
pub const COLOURS: u8 = 6;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HexRow {
    /// Position of its first byte.
    pub offset: u32,
    /// Its bytes, without gaps.
    pub runs: Vec<HexRun>,
}

/// Bytes of one row that belong to the same field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HexRun {
    /// Position of the first byte.
    pub start: u32,
    /// Behind the last byte.
    pub end: u32,
    /// `0a ff`.
    pub hex: String,
    /// Printable ASCII, anything else as `·`.
    pub text: String,
    /// The innermost field that the bytes belong to: its index.
    pub field: Option<u32>,
    /// Below [`COLOURS`]; 0 where there is no field.
    pub colour: u8,
}

/// All the bytes in rows; every byte is in exactly one run.
pub fn hex_rows(bytes: &[u8], fields: &[FieldView]) -> Vec<HexRow> {
    let owners = owners(bytes.len(), fields);
    let colours = colours(&owners, fields.len());
    let rows = bytes.chunks(BYTES_PER_ROW).zip(owners.chunks(BYTES_PER_ROW)).enumerate();
    rows.map(|(index, (bytes, owners))| row(index * BYTES_PER_ROW, bytes, owners, &colours)).collect()
}

/// For each byte the last field that covers it: inner ones come after outer ones.
fn owners(length: usize, fields: &[FieldView]) -> Vec<Option<u32>> {
    let mut owners = vec![None; length];
    for (index, field) in fields.iter().enumerate() {
        let range = (field.start as usize).min(length)..(field.end as usize).min(length);
        if let Some(covered) = owners.get_mut(range) {
            covered.fill(u32::try_from(index).ok());
        }
    }
    owners
}

/// A field has one colour wherever its bytes lie, unlike that of the field before.
fn colours(owners: &[Option<u32>], fields: usize) -> Vec<u8> {
    let mut colours = vec![u8::MAX; fields];
    let mut next = 0;
    for owner in owners.iter().flatten() {
        if let Some(colour) = colours.get_mut(*owner as usize)
            && *colour == u8::MAX
        {
            *colour = next;
            next = (next + 1) % COLOURS;
        }
    }
    colours
}

fn row(offset: usize, bytes: &[u8], owners: &[Option<u32>], colours: &[u8]) -> HexRow {
    let mut runs = Vec::new();
    let mut from = 0;
    for same in owners.chunk_by(|a, b| a == b) {
        let to = from + same.len();
        let field = same.first().copied().flatten();
        let colour = field.and_then(|index| colours.get(index as usize)).map_or(0, |c| c % COLOURS);
        let part = &bytes[from..to];
        let hex: Vec<String> = part.iter().map(|byte| format!("{byte:02x}")).collect();
        runs.push(HexRun {
            start: (offset + from) as u32,
            end: (offset + to) as u32,
            hex: hex.join(" "),
            text: part.iter().map(|byte| shown(*byte)).collect(),
            field,
            colour,
        });
        from = to;
    }
    HexRow { offset: offset as u32, runs }
}

fn shown(byte: u8) -> char {
    if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '·' }
}
