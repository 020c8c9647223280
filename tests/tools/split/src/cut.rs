//! The two parts of a module.

use std::collections::{BTreeMap, BTreeSet};

use wasm_encoder as enc;
use wasm_encoder::reencode::Reencode;
use wasmparser::Operator;

use crate::Outcome;
use crate::data::{self, Part, Piece};
use crate::links::Links;
use crate::module::{Module, Renumber};

/// Where the rest finds what it shares: the first part's exports are given to it under this name.
const FIRST: &str = "first";

/// Both parts, encoded.
pub struct Parts {
    pub first: Vec<u8>,
    pub rest: Vec<u8>,
}

struct Cut<'m, 'a> {
    module: &'m Module<'a>,
    /// The functions of the first part that are not imported, in the order in which they are written.
    first: Vec<u32>,
    /// Those of the rest.
    rest: Vec<u32>,
    /// Functions of the rest that the first part names, and their places in the table between both.
    stubs: BTreeMap<u32, u32>,
    /// Functions of the first part that the rest calls.
    shared: Vec<u32>,
    /// The imported function that brings the rest.
    loader: u32,
    /// What memory begins with.
    data: Vec<Piece<'a>>,
}

/// Cuts: functions not in `seen` go to the rest, and so does what only they can read.
pub fn cut(module: &Module, seen: &BTreeSet<u32>, loader: &str, links: &Links) -> Outcome<Parts> {
    let cut = Cut::plan(module, seen, loader, links)?;
    Ok(Parts { first: cut.write_first()?, rest: cut.write_rest()? })
}

impl<'m, 'a> Cut<'m, 'a> {
    fn plan(
        module: &'m Module<'a>,
        seen: &BTreeSet<u32>,
        loader: &str,
        links: &Links,
    ) -> Outcome<Cut<'m, 'a>> {
        let loader = module.imports.iter().position(|import| import.name.contains(loader));
        let loader = loader.ok_or("the module imports no function that would load the rest")? as u32;
        let (mut named_by_first, mut named_by_rest) = (module.roots()?, BTreeSet::new());
        // Hash tables are seeded anew each time: what one run needs of them, the next may not.
        let hashed =
            |function: &u32| module.names.get(function).is_some_and(|name| name.contains("hashbrown"));
        let stays =
            |function: &u32| *function < module.imported() || seen.contains(function) || hashed(function);
        for function in module.imported()..module.total() {
            let named = if stays(&function) { &mut named_by_first } else { &mut named_by_rest };
            for operator in module.body(function).get_operators_reader()? {
                if let Operator::Call { function_index }
                | Operator::ReturnCall { function_index }
                | Operator::RefFunc { function_index } = operator?
                {
                    named.insert(function_index);
                }
            }
        }
        let moved = |function: &u32| !stays(function);
        let stubs = named_by_first.iter().copied().filter(moved).zip(0..).collect();
        let first: Vec<u32> = (module.imported()..module.total()).filter(stays).collect();
        let data = data::pieces(module, &first, links)?;
        let mut cut = Cut {
            module,
            first,
            rest: (module.imported()..module.total()).filter(moved).collect(),
            stubs,
            shared: named_by_rest.iter().copied().filter(stays).collect(),
            loader,
            data,
        };
        // Code of one kind side by side: it compresses better (by 2 % where this was written).
        let name = |function: &u32| module.names.get(function).copied().unwrap_or_default();
        cut.first.sort_by_key(name);
        cut.rest.sort_by_key(name);
        let mut stubs: Vec<u32> = cut.stubs.keys().copied().collect();
        stubs.sort_by_key(|stub| module.type_of(*stub));
        cut.first.extend(stubs);
        Ok(cut)
    }

    /// The table between both parts comes after the module's own.
    fn between(&self) -> u32 {
        self.module.tables.len() as u32
    }

    fn between_type(&self) -> enc::TableType {
        let size = self.stubs.len() as u64;
        let element_type = enc::RefType::FUNCREF;
        enc::TableType { element_type, minimum: size, maximum: Some(size), table64: false, shared: false }
    }

    fn write_first(&self) -> Outcome<Vec<u8>> {
        let module = self.module;
        let written = (0..module.imported()).chain(self.first.iter().copied());
        let mut renumber = Renumber(written.zip(0..).collect());
        let asks = module.imported() + self.first.len() as u32;

        let mut out = enc::Module::new();
        let (mut types, unit) = module.write_types(&mut renumber)?;
        types.ty().function([], []);
        out.section(&types);
        out.section(&module.write_imports(&mut renumber)?);
        let mut functions = enc::FunctionSection::new();
        self.first.iter().for_each(|&function| _ = functions.function(module.type_of(function)));
        functions.function(unit);
        out.section(&functions);
        out.section(module.write_tables(&mut renumber)?.table(self.between_type()));
        out.section(&module.write_memories(&mut renumber)?);
        out.section(&module.write_globals(&mut renumber)?);
        let mut exports = module.write_exports(&mut renumber)?;
        for (i, function) in self.shared.iter().enumerate() {
            exports.export(&format!("f{i:x}"), enc::ExportKind::Func, renumber.0[function]);
        }
        for table in 0..=self.between() {
            exports.export(&format!("t{table}"), enc::ExportKind::Table, table);
        }
        for global in 0..module.globals.len() as u32 {
            exports.export(&format!("g{global}"), enc::ExportKind::Global, global);
        }
        exports.export("m", enc::ExportKind::Memory, 0);
        out.section(&exports);
        if let Some(start) = module.start {
            out.section(&enc::StartSection { function_index: renumber.0[&start] });
        }
        out.section(&module.write_elements(&mut renumber)?);
        let mut code = enc::CodeSection::new();
        for &function in &self.first {
            match self.stubs.get(&function) {
                Some(&place) => _ = code.function(&self.stub(function, place, asks)?),
                None => renumber.parse_function_body(&mut code, module.body(function).clone())?,
            }
        }
        code.function(&self.ask());
        out.section(&code);
        out.section(&data::section(&self.data, Part::First));
        Ok(out.finish())
    }

    /// Asks for the rest, then does what the function of this place does.
    fn stub(&self, function: u32, place: u32, asks: u32) -> Outcome<enc::Function> {
        let mut stub = enc::Function::new([]);
        stub.instruction(&enc::Instruction::Call(asks));
        for parameter in 0..self.module.signature(function)?.params().len() as u32 {
            stub.instruction(&enc::Instruction::LocalGet(parameter));
        }
        stub.instruction(&enc::Instruction::I32Const(place as i32));
        let type_index = self.module.type_of(function);
        stub.instruction(&enc::Instruction::CallIndirect { type_index, table_index: self.between() });
        stub.instruction(&enc::Instruction::End);
        Ok(stub)
    }

    /// Calls the loader while the table between both parts is empty.
    fn ask(&self) -> enc::Function {
        let mut ask = enc::Function::new([]);
        ask.instruction(&enc::Instruction::I32Const(0));
        ask.instruction(&enc::Instruction::TableGet(self.between()));
        ask.instruction(&enc::Instruction::RefIsNull);
        ask.instruction(&enc::Instruction::If(enc::BlockType::Empty));
        ask.instruction(&enc::Instruction::Call(self.loader));
        ask.instruction(&enc::Instruction::End);
        ask.instruction(&enc::Instruction::End);
        ask
    }

    fn write_rest(&self) -> Outcome<Vec<u8>> {
        let module = self.module;
        let written = self.shared.iter().chain(&self.rest).copied();
        let mut renumber = Renumber(written.zip(0..).collect());

        let mut out = enc::Module::new();
        out.section(&module.write_types(&mut renumber)?.0);
        let mut imports = enc::ImportSection::new();
        for (i, &function) in self.shared.iter().enumerate() {
            imports.import(FIRST, &format!("f{i:x}"), enc::EntityType::Function(module.type_of(function)));
        }
        for (i, table) in module.tables.iter().enumerate() {
            imports.import(FIRST, &format!("t{i}"), renumber.table_type(table.ty)?);
        }
        imports.import(FIRST, &format!("t{}", self.between()), self.between_type());
        for (i, global) in module.globals.iter().enumerate() {
            imports.import(FIRST, &format!("g{i}"), renumber.global_type(global.ty)?);
        }
        imports.import(FIRST, "m", renumber.memory_type(module.memories[0])?);
        out.section(&imports);
        let mut functions = enc::FunctionSection::new();
        self.rest.iter().for_each(|&function| _ = functions.function(module.type_of(function)));
        out.section(&functions);
        let mut filled = vec![0; self.stubs.len()];
        for (function, place) in &self.stubs {
            filled[*place as usize] = renumber.0[function];
        }
        let mut elements = enc::ElementSection::new();
        let start = enc::ConstExpr::i32_const(0);
        elements.active(Some(self.between()), &start, enc::Elements::Functions(filled.into()));
        out.section(&elements);
        let mut code = enc::CodeSection::new();
        for &function in &self.rest {
            renumber.parse_function_body(&mut code, module.body(function).clone())?;
        }
        out.section(&code);
        out.section(&data::section(&self.data, Part::Rest));
        Ok(out.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::Validator;

    const ADDRESS: i32 = 1_000;

    // 0: the loader, 1: seen, calls 2 and 3; 2: not seen, calls 1; 3: seen; 4: not seen, exported.
    fn example() -> Vec<u8> {
        let mut out = enc::Module::new();
        let mut types = enc::TypeSection::new();
        types.ty().function([], []);
        types.ty().function([enc::ValType::I32], [enc::ValType::I32]);
        out.section(&types);
        let mut imports = enc::ImportSection::new();
        imports.import("glue", "__wbg_load_rest_0", enc::EntityType::Function(0));
        out.section(&imports);
        out.section(enc::FunctionSection::new().function(0).function(1).function(0).function(1));
        let memory_type = enc::MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        };
        out.section(enc::MemorySection::new().memory(memory_type));
        out.section(
            enc::ExportSection::new()
                .export("main", enc::ExportKind::Func, 1)
                .export("other", enc::ExportKind::Func, 4)
                .export("memory", enc::ExportKind::Memory, 0),
        );
        let mut code = enc::CodeSection::new();
        let body = |instructions: &[enc::Instruction]| {
            let mut body = enc::Function::new([]);
            instructions.iter().for_each(|instruction| _ = body.instruction(instruction));
            body.instruction(&enc::Instruction::End);
            body
        };
        use enc::Instruction::{Call, Drop, I32Const, I32Load, LocalGet};
        code.function(&body(&[I32Const(ADDRESS + 44), Call(2), Drop, Call(3)]));
        code.function(&body(&[Call(3), I32Const(ADDRESS + 80), Drop, LocalGet(0)]));
        let memarg = enc::MemArg {
            offset: (ADDRESS + 196) as u64,
            align: 2,
            target: enc::MemArgTarget::Memory(0),
            ordering: None,
        };
        code.function(&body(&[I32Const(4), I32Load(memarg), Drop]));
        code.function(&body(&[LocalGet(0), Call(2)]));
        out.section(&code);
        let mut data = enc::DataSection::new();
        let mut place = |offset: i32, bytes: &[u8]| {
            data.active(0, &enc::ConstExpr::i32_const(ADDRESS + offset), bytes.iter().copied());
        };
        // Named by 1; what it names; named by 2 alone; a loop's, which 3 names from before it; nobody's.
        let pointer = [*b"head", (ADDRESS + 120).to_le_bytes()].concat();
        place(40, &pointer);
        place(120, b"pointed at");
        place(80, b"of the rest");
        place(200, b"counted from one");
        place(160, b"nobody's");
        out.section(&data);
        out.finish()
    }

    #[test]
    fn both_parts_are_modules_and_name_each_others_functions() {
        let bytes = example();
        let parts =
            cut(&Module::read(&bytes).unwrap(), &BTreeSet::from([1, 3]), "load_rest", &Links::default())
                .unwrap();
        Validator::new().validate_all(&parts.first).unwrap();
        Validator::new().validate_all(&parts.rest).unwrap();
        let (first, rest) = (Module::read(&parts.first).unwrap(), read_rest(&parts.rest));
        // Seen 1 and 3, stubs of 2 and 4, and the one that asks.
        assert_eq!(first.functions.len(), 5);
        assert_eq!(rest, (["f0", "t0", "m"].map(String::from).to_vec(), 2));
        for name in ["main", "other", "memory", "f0", "t0", "m"] {
            assert!(first.exports.iter().any(|export| export.name == name), "{name}");
        }
    }

    #[test]
    fn constants_go_with_the_functions_that_can_read_them() {
        let bytes = example();
        let module = Module::read(&bytes).unwrap();
        let parts = cut(&module, &BTreeSet::from([1, 3]), "load_rest", &Links::default()).unwrap();
        Validator::new().validate_all(&parts.first).unwrap();
        Validator::new().validate_all(&parts.rest).unwrap();
        let has = |part: &[u8], text: &str| part.windows(text.len()).any(|window| window == text.as_bytes());
        for (text, first) in [
            ("head", true),
            ("pointed at", true),
            ("of the rest", false),
            ("counted from one", true),
            ("nobody's", false),
        ] {
            assert_eq!(has(&parts.first, text), first, "{text}");
            assert_eq!(has(&parts.rest, text), !first, "{text}");
        }
    }

    #[test]
    fn what_an_address_is_about_counts_and_not_where_it_lies() {
        let bytes = example();
        let module = Module::read(&bytes).unwrap();
        let about = BTreeMap::from([(ADDRESS as u32 + 44, BTreeSet::from([ADDRESS as u32 + 80]))]);
        let pieces = data::pieces(&module, &[1], &Links::of(about)).unwrap();
        let piece = pieces.iter().find(|piece| piece.address == ADDRESS as u32 + 80).unwrap();
        assert_eq!((piece.part, piece.bytes), (Part::First, &b"of the rest"[..]));
    }

    #[test]
    fn memory_begins_as_it_did_when_both_parts_are_there() {
        let bytes = example();
        let module = Module::read(&bytes).unwrap();
        let filled = |parts: &[&[u8]]| {
            let mut memory = vec![0; 2_000];
            for part in parts {
                for payload in wasmparser::Parser::new(0).parse_all(part) {
                    let wasmparser::Payload::DataSection(section) = payload.unwrap() else { continue };
                    for datum in section {
                        let datum = datum.unwrap();
                        let wasmparser::DataKind::Active { offset_expr, .. } = datum.kind else { panic!() };
                        let Operator::I32Const { value } = offset_expr.get_operators_reader().read().unwrap()
                        else {
                            panic!()
                        };
                        memory[value as usize..][..datum.data.len()].copy_from_slice(datum.data);
                    }
                }
            }
            memory
        };
        for seen in [&[][..], &[1], &[2], &[3], &[4], &[1, 3], &[1, 2, 3, 4]] {
            let seen = seen.iter().copied().collect();
            let parts = cut(&module, &seen, "load_rest", &Links::default()).unwrap();
            assert_eq!(filled(&[&parts.first, &parts.rest]), filled(&[&bytes]), "{seen:?}");
        }
    }

    fn read_rest(bytes: &[u8]) -> (Vec<String>, usize) {
        let (mut imports, mut bodies) = (Vec::new(), 0);
        for payload in wasmparser::Parser::new(0).parse_all(bytes) {
            match payload.unwrap() {
                wasmparser::Payload::ImportSection(part) => {
                    imports = part.into_imports().map(|import| import.unwrap().name.to_owned()).collect();
                }
                wasmparser::Payload::CodeSectionEntry(_) => bodies += 1,
                _ => {}
            }
        }
        (imports, bodies)
    }

    #[test]
    fn a_tally_is_a_module_with_a_flag_for_each_function() {
        let bytes = example();
        let tally = crate::tally::tally(&Module::read(&bytes).unwrap()).unwrap();
        Validator::new().validate_all(&tally).unwrap();
        let tally = Module::read(&tally).unwrap();
        let flags: Vec<&str> =
            tally.exports.iter().map(|e| e.name).filter(|name| name.starts_with("seen:")).collect();
        assert_eq!(flags, ["seen:1", "seen:2", "seen:3", "seen:4"]);
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        let bytes = example();
        let module = Module::read(&bytes).unwrap();
        assert!(cut(&module, &BTreeSet::new(), "no_such_loader", &Links::default()).is_err());
        assert!(Module::read(b"\0asm\x01\0\0\0").is_err());
        assert!(Module::read(b"not a module").is_err());
    }
}
