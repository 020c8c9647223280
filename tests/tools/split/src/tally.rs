//! A module that notes which of its functions were called.

use wasm_encoder as enc;
use wasm_encoder::reencode::Reencode;

use crate::Outcome;
use crate::module::{Module, Renumber};

/// The same module with an exported global per function, `seen:INDEX`: 1 once it was called.
pub fn tally(module: &Module) -> Outcome<Vec<u8>> {
    let mut same = Renumber((0..module.total()).map(|function| (function, function)).collect());
    let mut out = enc::Module::new();
    out.section(&module.write_types(&mut same)?.0);
    out.section(&module.write_imports(&mut same)?);
    let mut functions = enc::FunctionSection::new();
    module.functions.iter().for_each(|&ty| _ = functions.function(ty));
    out.section(&functions);
    out.section(&module.write_tables(&mut same)?);
    out.section(&module.write_memories(&mut same)?);

    let (mut globals, mut exports) = (module.write_globals(&mut same)?, module.write_exports(&mut same)?);
    let first = module.globals.len() as u32;
    let flag = enc::GlobalType { val_type: enc::ValType::I32, mutable: true, shared: false };
    for (i, function) in (module.imported()..module.total()).enumerate() {
        globals.global(flag, &enc::ConstExpr::i32_const(0));
        exports.export(&format!("seen:{function}"), enc::ExportKind::Global, first + i as u32);
    }
    out.section(&globals);
    out.section(&exports);
    if let Some(function_index) = module.start {
        out.section(&enc::StartSection { function_index });
    }
    out.section(&module.write_elements(&mut same)?);

    let mut code = enc::CodeSection::new();
    for (i, body) in module.bodies.iter().enumerate() {
        let mut function = same.new_function_with_parsed_locals(body)?;
        function.instruction(&enc::Instruction::I32Const(1));
        function.instruction(&enc::Instruction::GlobalSet(first + i as u32));
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            function.instruction(&same.parse_instruction(&mut operators)?);
        }
        code.function(&function);
    }
    out.section(&code);
    out.section(&module.write_data(&mut same)?);
    Ok(out.finish())
}
