//! Texts that go to the rest with the functions that read them.

use std::collections::BTreeSet;
use std::ops::Range;

use wasm_encoder as enc;
use wasmparser::{DataKind, Operator};

use crate::Outcome;
use crate::module::Module;

/// Which part a piece of the memory's contents goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    First,
    Rest,
}

/// A piece of what memory begins with: from where on, and its bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    pub part: Part,
    pub address: u32,
    pub bytes: &'a [u8],
}

/// Where each of the texts lies that no function of the first part names. One that such a function names
/// stays where it is: it may be read before the rest is there.
pub fn places(module: &Module, first: &[u32], texts: &[Vec<u8>]) -> Outcome<Vec<Range<u32>>> {
    let mut named = BTreeSet::new();
    for &function in first {
        for operator in module.body(function).get_operators_reader()? {
            if let Operator::I32Const { value } = operator? {
                named.insert(value as u32);
            }
        }
    }
    let mut places = Vec::new();
    for (start, bytes) in segments(module)? {
        for text in texts.iter().filter(|text| !text.is_empty()) {
            let Some(at) = bytes.windows(text.len()).position(|window| window == text) else { continue };
            let place = start + at as u32..start + (at + text.len()) as u32;
            if named.range(place.clone()).next().is_none() {
                places.push(place);
            }
        }
    }
    places.sort_by_key(|place| place.start);
    Ok(places)
}

/// All that memory begins with, in pieces of one part each.
pub fn pieces<'a>(module: &Module<'a>, places: &[Range<u32>]) -> Outcome<Vec<Piece<'a>>> {
    let mut pieces = Vec::new();
    for (start, bytes) in segments(module)? {
        let mut push = |part, from: u32, to: u32| {
            if from < to {
                let bytes = &bytes[(from - start) as usize..(to - start) as usize];
                pieces.push(Piece { part, address: from, bytes });
            }
        };
        let (mut from, end) = (start, start + bytes.len() as u32);
        for place in places.iter().filter(|place| (start..end).contains(&place.start)) {
            push(Part::First, from, place.start);
            push(Part::Rest, place.start, place.end);
            from = place.end;
        }
        push(Part::First, from, end);
    }
    Ok(pieces)
}

/// The section with one part's pieces.
pub fn section(pieces: &[Piece], part: Part) -> enc::DataSection {
    let mut data = enc::DataSection::new();
    for piece in pieces.iter().filter(|piece| piece.part == part) {
        let address = enc::ConstExpr::i32_const(piece.address as i32);
        data.active(0, &address, piece.bytes.iter().copied());
    }
    data
}

/// Where segments begin, and what is in them.
fn segments<'a>(module: &Module<'a>) -> Outcome<Vec<(u32, &'a [u8])>> {
    let mut segments = Vec::new();
    for datum in &module.data {
        let unknown = "only data at addresses that are known can be cut";
        let DataKind::Active { memory_index: 0, offset_expr } = &datum.kind else {
            return Err(unknown.into());
        };
        match offset_expr.get_operators_reader().read()? {
            Operator::I32Const { value } => segments.push((value as u32, datum.data)),
            _ => return Err(unknown.into()),
        }
    }
    Ok(segments)
}
