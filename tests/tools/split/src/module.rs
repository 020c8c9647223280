//! A module as it was read, and writing parts of it again.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use wasm_encoder as enc;
use wasm_encoder::reencode::{Error, Reencode};
use wasmparser::{
    Data, Element, ElementItems, Export, ExternalKind, FuncType, FunctionBody, Global, Import, KnownCustom,
    MemoryType, Name, Operator, Parser, Payload, RecGroup, Table, TypeRef,
};

use crate::Outcome;

/// The parts of a module.
#[derive(Default)]
pub struct Module<'a> {
    pub types: Vec<RecGroup>,
    pub imports: Vec<Import<'a>>,
    /// The type of each function that is not imported.
    pub functions: Vec<u32>,
    pub tables: Vec<Table<'a>>,
    pub memories: Vec<MemoryType>,
    pub globals: Vec<Global<'a>>,
    pub exports: Vec<Export<'a>>,
    pub start: Option<u32>,
    pub elements: Vec<Element<'a>>,
    pub bodies: Vec<FunctionBody<'a>>,
    pub data: Vec<Data<'a>>,
    /// Names of functions, as far as the module tells them.
    pub names: BTreeMap<u32, &'a str>,
}

/// Writes what was read, with functions at other indices.
#[derive(Default)]
pub struct Renumber(pub BTreeMap<u32, u32>);

impl Reencode for Renumber {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Infallible>> {
        // Whoever renumbers lists every function that is named in what it writes.
        Ok(*self.0.get(&function).unwrap_or(&u32::MAX))
    }
}

impl<'a> Module<'a> {
    /// Takes a module apart.
    pub fn read(bytes: &'a [u8]) -> Outcome<Module<'a>> {
        let mut module = Module::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::TypeSection(part) => module.types = part.into_iter().collect::<Result<_, _>>()?,
                Payload::ImportSection(part) => {
                    module.imports = part.into_imports().collect::<Result<_, _>>()?
                }
                Payload::FunctionSection(part) => {
                    module.functions = part.into_iter().collect::<Result<_, _>>()?
                }
                Payload::TableSection(part) => module.tables = part.into_iter().collect::<Result<_, _>>()?,
                Payload::MemorySection(part) => {
                    module.memories = part.into_iter().collect::<Result<_, _>>()?
                }
                Payload::GlobalSection(part) => {
                    module.globals = part.into_iter().collect::<Result<_, _>>()?
                }
                Payload::ExportSection(part) => {
                    module.exports = part.into_iter().collect::<Result<_, _>>()?
                }
                Payload::StartSection { func, .. } => module.start = Some(func),
                Payload::ElementSection(part) => {
                    module.elements = part.into_iter().collect::<Result<_, _>>()?
                }
                Payload::CodeSectionEntry(body) => module.bodies.push(body),
                Payload::DataSection(part) => module.data = part.into_iter().collect::<Result<_, _>>()?,
                Payload::CustomSection(part) => {
                    if let KnownCustom::Name(names) = part.as_known() {
                        module.read_names(names)?;
                    }
                }
                Payload::Version { .. }
                | Payload::CodeSectionStart { .. }
                | Payload::DataCountSection { .. }
                | Payload::End(_) => {}
                other => return Err(format!("a part that is not known here: {other:?}").into()),
            }
        }
        let plain = module.imports.iter().all(|import| matches!(import.ty, TypeRef::Func(_)));
        if !plain || module.memories.len() != 1 {
            return Err(
                "only a module that imports nothing but functions, and has one memory, can be cut".into()
            );
        }
        Ok(module)
    }

    fn read_names(&mut self, names: wasmparser::NameSectionReader<'a>) -> Outcome<()> {
        for name in names {
            if let Name::Function(functions) = name? {
                for function in functions {
                    let function = function?;
                    self.names.insert(function.index, function.name);
                }
            }
        }
        Ok(())
    }

    /// How many functions are imported: they come first.
    pub fn imported(&self) -> u32 {
        self.imports.len() as u32
    }

    /// How many functions there are, imported ones too.
    pub fn total(&self) -> u32 {
        self.imported() + self.functions.len() as u32
    }

    /// The body of a function that is not imported.
    pub fn body(&self, function: u32) -> &FunctionBody<'a> {
        &self.bodies[(function - self.imported()) as usize]
    }

    /// The index of a function's type.
    pub fn type_of(&self, function: u32) -> u32 {
        match self.imports.get(function as usize).map(|import| import.ty) {
            Some(TypeRef::Func(index)) => index,
            _ => self.functions[(function - self.imported()) as usize],
        }
    }

    /// A function's type.
    pub fn signature(&self, function: u32) -> Outcome<&FuncType> {
        let index = self.type_of(function) as usize;
        let found = self.types.iter().flat_map(RecGroup::types).nth(index);
        found.map(|found| found.unwrap_func()).ok_or_else(|| format!("there is no type {index}").into())
    }

    /// The functions that are named outside of bodies: exports, tables, the start.
    pub fn roots(&self) -> Outcome<BTreeSet<u32>> {
        let mut roots: BTreeSet<u32> = self.start.into_iter().collect();
        roots.extend(self.exports.iter().filter(|e| e.kind == ExternalKind::Func).map(|e| e.index));
        for element in &self.elements {
            match &element.items {
                ElementItems::Functions(functions) => {
                    for function in functions.clone() {
                        roots.insert(function?);
                    }
                }
                ElementItems::Expressions(_, expressions) => {
                    for expression in expressions.clone() {
                        for operator in expression?.get_operators_reader() {
                            if let Operator::RefFunc { function_index } = operator? {
                                roots.insert(function_index);
                            }
                        }
                    }
                }
            }
        }
        Ok(roots)
    }

    /// The types, and how many they are: the index of the next.
    pub fn write_types(&self, renumber: &mut Renumber) -> Outcome<(enc::TypeSection, u32)> {
        let mut types = enc::TypeSection::new();
        for group in &self.types {
            renumber.parse_recursive_type_group(types.ty(), group.clone())?;
        }
        Ok((types, self.types.iter().map(|group| group.types().len() as u32).sum()))
    }

    pub fn write_imports(&self, renumber: &mut Renumber) -> Outcome<enc::ImportSection> {
        let mut imports = enc::ImportSection::new();
        for import in &self.imports {
            imports.import(import.module, import.name, renumber.entity_type(import.ty)?);
        }
        Ok(imports)
    }

    pub fn write_tables(&self, renumber: &mut Renumber) -> Outcome<enc::TableSection> {
        let mut tables = enc::TableSection::new();
        for table in &self.tables {
            renumber.parse_table(&mut tables, table.clone())?;
        }
        Ok(tables)
    }

    pub fn write_memories(&self, renumber: &mut Renumber) -> Outcome<enc::MemorySection> {
        let mut memories = enc::MemorySection::new();
        for memory in &self.memories {
            memories.memory(renumber.memory_type(*memory)?);
        }
        Ok(memories)
    }

    pub fn write_globals(&self, renumber: &mut Renumber) -> Outcome<enc::GlobalSection> {
        let mut globals = enc::GlobalSection::new();
        for global in &self.globals {
            renumber.parse_global(&mut globals, global.clone())?;
        }
        Ok(globals)
    }

    pub fn write_exports(&self, renumber: &mut Renumber) -> Outcome<enc::ExportSection> {
        let mut exports = enc::ExportSection::new();
        for export in &self.exports {
            renumber.parse_export(&mut exports, *export)?;
        }
        Ok(exports)
    }

    pub fn write_elements(&self, renumber: &mut Renumber) -> Outcome<enc::ElementSection> {
        let mut elements = enc::ElementSection::new();
        for element in &self.elements {
            renumber.parse_element(&mut elements, element.clone())?;
        }
        Ok(elements)
    }

    pub fn write_data(&self, renumber: &mut Renumber) -> Outcome<enc::DataSection> {
        let mut data = enc::DataSection::new();
        for datum in &self.data {
            renumber.parse_data(&mut data, datum.clone())?;
        }
        Ok(data)
    }
}
