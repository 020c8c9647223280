//! Constants that go to the rest with the functions that read them.
//!
//! The page is linked with a segment of memory for each constant (`--no-merge-data-segments`), so that it
//! is known where each begins and ends. What a function of the first part may read is found as a garbage
//! collector finds what lives: from the addresses in its code, and on from the words in what those name that
//! could be addresses. A number that only looks like an address keeps what lies there in the first part; of
//! one that lies outside of what it is about, the linker was told ([`Links`]).

use std::collections::BTreeSet;

use wasm_encoder as enc;
use wasmparser::{DataKind, MemArg, Operator};

use crate::Outcome;
use crate::links::Links;
use crate::module::Module;

/// How far before a constant an address may lie that is about it, should the linker not know of it: what is
/// done to the program after linking could move an address back.
const BEFORE: u32 = 16;

/// Between two constants of one part there are at most so many zeros that writing them is shorter than
/// beginning anew.
const GAP: u32 = 8;

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

impl Piece<'_> {
    /// The address after it.
    pub fn end(&self) -> u32 {
        self.address + self.bytes.len() as u32
    }

    /// The words of it that lie where an address can.
    fn words(&self) -> impl Iterator<Item = u32> {
        let skipped = self.address.next_multiple_of(4) - self.address;
        let words = self.bytes.get(skipped as usize..).unwrap_or_default().chunks_exact(4);
        words.map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
    }
}

/// All that memory begins with, in order: in the first part what one of its functions may read.
pub fn pieces<'a>(module: &Module<'a>, first: &[u32], links: &Links) -> Outcome<Vec<Piece<'a>>> {
    let mut pieces = segments(module)?;
    let mut named = BTreeSet::new();
    for &function in first {
        for operator in module.body(function).get_operators_reader()? {
            named.extend(addresses(&operator?).into_iter().flatten());
        }
    }
    let mut new: Vec<u32> = named.into_iter().collect();
    while let Some(address) = new.pop() {
        for address in links.meant(address).chain([address]) {
            let from = pieces.partition_point(|piece| piece.end() <= address);
            let to = pieces.partition_point(|piece| piece.address <= address.saturating_add(BEFORE));
            for piece in pieces[..to].iter_mut().skip(from).filter(|piece| piece.part == Part::Rest) {
                piece.part = Part::First;
                new.extend(piece.words());
            }
        }
    }
    Ok(pieces)
}

/// The section with one part's pieces.
pub fn section(pieces: &[Piece], part: Part) -> enc::DataSection {
    let mut data = enc::DataSection::new();
    let mut run: Option<(u32, Vec<u8>)> = None;
    let mut write = |(address, bytes): (u32, Vec<u8>)| {
        data.active(0, &enc::ConstExpr::i32_const(address as i32), bytes);
    };
    for (i, piece) in pieces.iter().enumerate().filter(|(_, piece)| piece.part == part) {
        // Nothing else may lie between: where the other part's constants are, zeros would overwrite them.
        let follows = i > 0 && pieces[i - 1].part == part;
        match &mut run {
            Some((_, bytes)) if follows && piece.address - pieces[i - 1].end() <= GAP => {
                bytes.resize(bytes.len() + (piece.address - pieces[i - 1].end()) as usize, 0);
                bytes.extend_from_slice(piece.bytes);
            }
            _ => {
                run.replace((piece.address, piece.bytes.to_vec())).map(&mut write);
            }
        }
    }
    run.map(&mut write);
    data
}

/// Where each segment begins, as they are numbered.
pub fn starts(module: &Module) -> Outcome<Vec<u32>> {
    let start = |kind: &DataKind| {
        if let DataKind::Active { memory_index: 0, offset_expr } = kind
            && let Operator::I32Const { value } = offset_expr.get_operators_reader().read()?
        {
            return Ok(value as u32);
        }
        Err("only data at addresses that are known can be cut".into())
    };
    module.data.iter().map(|datum| start(&datum.kind)).collect()
}

/// Segments in order, none known yet to be needed by the first part.
pub fn segments<'a>(module: &Module<'a>) -> Outcome<Vec<Piece<'a>>> {
    let starts = starts(module)?.into_iter().zip(&module.data);
    let mut pieces: Vec<Piece> =
        starts.map(|(address, datum)| Piece { part: Part::Rest, address, bytes: datum.data }).collect();
    pieces.retain(|piece| !piece.bytes.is_empty());
    pieces.sort_by_key(|piece| piece.address);
    match pieces.windows(2).find(|pair| pair[0].end() > pair[1].address) {
        Some(pair) => Err(format!("two segments share the address {}", pair[1].address).into()),
        None => Ok(pieces),
    }
}

/// What an instruction names that may be an address: a number, either half of a long one (an address and a
/// length in one), or the fixed part of where it reads or writes.
fn addresses(operator: &Operator) -> [Option<u32>; 2] {
    macro_rules! fixed {
        ($($name:ident)*) => {
            match operator {
                Operator::I32Const { value } => [Some(*value as u32), None],
                Operator::I64Const { value } => [Some(*value as u32), Some((*value >> 32) as u32)],
                $(Operator::$name { memarg: MemArg { offset, .. } } => [u32::try_from(*offset).ok(), None],)*
                _ => [None, None],
            }
        };
    }
    fixed! {
        I32Load I64Load F32Load F64Load I32Load8S I32Load8U I32Load16S I32Load16U
        I64Load8S I64Load8U I64Load16S I64Load16U I64Load32S I64Load32U
        I32Store I64Store F32Store F64Store I32Store8 I32Store16 I64Store8 I64Store16 I64Store32
    }
}
