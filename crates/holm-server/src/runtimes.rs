//! `runtimes`: the engines of functions in a data folder.

use std::path::Path;
use std::time::Duration;

use holm_functions::FunctionLimits;
use holm_functions::engine::{EnginePackage, EngineStore};

use crate::args::{RuntimesArgs, RuntimesWord};
use crate::config::data_folder;
use crate::console;
use crate::data_folder::Layout;
use crate::exit::{ServerError, open};

/// The npm client, found by the user's own PATH.
pub(crate) const NPM: &str = "npm";

/// Runs one of `list`, `install` and `path`.
pub(crate) fn run(args: RuntimesArgs) -> Result<(), ServerError> {
    let store =
        |data| Ok::<_, ServerError>(EngineStore::new(Layout::of(&data_folder(data)?).runtimes));
    match args.word {
        RuntimesWord::List(args) => list(&store(args.data)?, args.deno.as_deref()),
        RuntimesWord::Install(args) => {
            install(
                &store(args.data)?,
                FunctionLimits::default().engine_fetch_max,
            )?;
        }
        RuntimesWord::Path(args) => path(&store(args.data)?, args.deno.as_deref())?,
    }
    Ok(())
}

fn list(store: &EngineStore, own: Option<&Path>) {
    if let Some(own) = own {
        console::out(&format_args!("deno\town\t{}", own.display()));
    }
    if let Some(package) = EnginePackage::of_this_machine() {
        let program = store.program(package);
        let state = if program.is_file() {
            "installed"
        } else {
            "missing"
        };
        console::out(&format_args!(
            "deno\t{}\t{state}\t{}",
            package.version,
            program.display()
        ));
    }
}

fn install(store: &EngineStore, allowed: Duration) -> Result<(), ServerError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| open("start the runtime", error))?;
    let engine = runtime
        .block_on(store.install(Path::new(NPM), allowed))
        .map_err(|error| open("install the engines of functions", error))?;
    console::out(&engine.program.display());
    Ok(())
}

fn path(store: &EngineStore, own: Option<&Path>) -> Result<(), ServerError> {
    let engine = store
        .locate(own)
        .map_err(|error| open("find the engines of functions", error))?;
    console::out(&engine.program.display());
    Ok(())
}
