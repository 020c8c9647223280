//! What the linker was told of addresses: which constant each is meant to lie in.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{KnownCustom, Linking, Parser, Payload, RelocationType, SymbolInfo};

use crate::Outcome;
use crate::data;
use crate::module::Module;

/// Addresses that lie outside of what they are about, and the addresses of that: a loop that counts down
/// to zero names the end of its table, one that counts from one a place before the beginning.
#[derive(Default)]
pub struct Links(BTreeMap<u32, BTreeSet<u32>>);

impl Links {
    /// From a module as the linker left it, with `--emit-relocs`.
    pub fn read(bytes: &[u8]) -> Outcome<Links> {
        let module = Module::read(bytes)?;
        let (starts, pieces) = (data::starts(&module)?, data::segments(&module)?);
        let (mut symbols, mut relocations) = (None, Vec::new());
        for payload in Parser::new(0).parse_all(bytes) {
            let Payload::CustomSection(section) = payload? else { continue };
            match section.as_known() {
                KnownCustom::Linking(sections) => {
                    for section in sections {
                        if let Linking::SymbolTable(table) = section? {
                            symbols = Some(table.into_iter().collect::<Result<Vec<_>, _>>()?);
                        }
                    }
                }
                KnownCustom::Reloc(section) => {
                    for entry in section.entries() {
                        relocations.push(entry?);
                    }
                }
                _ => {}
            }
        }
        let symbols = symbols.ok_or("the linker left no table of symbols: it needs --emit-relocs")?;
        let mut links = Links::default();
        for entry in relocations {
            use RelocationType::{MemoryAddrI32, MemoryAddrLeb, MemoryAddrSleb};
            if !matches!(entry.ty, MemoryAddrLeb | MemoryAddrSleb | MemoryAddrI32) {
                continue;
            }
            let Some(SymbolInfo::Data { symbol: Some(symbol), .. }) = symbols.get(entry.index as usize)
            else {
                continue;
            };
            let start = starts.get(symbol.index as usize).ok_or("a symbol of no segment")?;
            let meant = start + symbol.offset;
            let named = meant.wrapping_add(entry.addend as u32);
            let within = pieces.iter().rfind(|piece| piece.address <= meant);
            if within.is_none_or(|piece| !(piece.address..piece.end()).contains(&named)) {
                links.0.entry(named).or_default().insert(meant);
            }
        }
        Ok(links)
    }

    #[cfg(test)]
    pub fn of(links: BTreeMap<u32, BTreeSet<u32>>) -> Links {
        Links(links)
    }

    /// What else than what lies there an address may be about.
    pub fn meant(&self, address: u32) -> impl Iterator<Item = u32> {
        self.0.get(&address).into_iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder as enc;
    use wasm_encoder::Encode;

    // Two constants of 8 bytes side by side, and who is named how: (symbol, addend) of each relocation.
    fn linked(relocations: &[(u32, i32)]) -> Vec<u8> {
        let mut out = enc::Module::new();
        out.section(enc::MemorySection::new().memory(enc::MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        }));
        let mut data = enc::DataSection::new();
        data.active(0, &enc::ConstExpr::i32_const(100), *b"countsup");
        data.active(0, &enc::ConstExpr::i32_const(108), *b"the next");
        out.section(&data);
        let mut symbols = enc::SymbolTable::new();
        for index in 0..2 {
            let place = enc::DataSymbolDefinition { index, offset: 0, size: 8 };
            symbols.data(enc::SymbolTable::WASM_SYM_BINDING_LOCAL, &format!("s{index}"), Some(place));
        }
        out.section(enc::LinkingSection::new().symbol_table(&symbols));
        let mut reloc = Vec::new();
        10u32.encode(&mut reloc);
        (relocations.len() as u32).encode(&mut reloc);
        for (i, (symbol, addend)) in relocations.iter().enumerate() {
            reloc.push(RelocationType::MemoryAddrSleb as u8);
            (i as u32).encode(&mut reloc);
            symbol.encode(&mut reloc);
            addend.encode(&mut reloc);
        }
        out.section(&enc::CustomSection { name: "reloc.CODE".into(), data: reloc.into() });
        out.finish()
    }

    #[test]
    fn an_address_outside_of_what_it_is_about_is_known() {
        let links = Links::read(&linked(&[(0, 0), (0, 4), (0, 8), (1, -1), (1, 3)])).unwrap();
        let meant = |address| links.meant(address).collect::<Vec<u32>>();
        assert_eq!(meant(108), [100], "the end of the first, where the second begins");
        assert_eq!(meant(107), [108], "before the second, where the first ends");
        assert_eq!([meant(100), meant(104), meant(111)], [[]; 3], "these lie in what they are about");
    }

    #[test]
    fn a_program_without_relocations_is_refused() {
        assert!(Links::read(&enc::Module::new().finish()).is_err());
        let mut out = enc::Module::new();
        out.section(enc::MemorySection::new().memory(enc::MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        }));
        let told = Links::read(&out.finish()).err().unwrap().to_string();
        assert!(told.contains("--emit-relocs"), "{told}");
    }
}
