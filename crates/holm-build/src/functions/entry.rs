//! The module that the bundle begins with.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use holm_site::{FUNCTION_METHODS, FunctionRoute};

use super::analysis::{Analysis, Found, HandlerKind, read_source};

/// What scripts with a listener are given as `addEventListener`, and how their listener is called.
const LISTENER_GLUE: &str = include_str!("listener.js");

/// The module that holds the glue.
const GLUE: &str = "holm:listener";

/// The text to begin with, and what it needs.
pub(super) struct Entry {
    pub(super) text: String,
    pub(super) modules: BTreeMap<String, String>,
    /// The scripts that get an `addEventListener` of their own, each with the module that it comes from.
    scripts: Vec<(Box<str>, String)>,
}

/// The text for a table of routes.
pub(super) fn entry(analysis: &Analysis, routes: &[FunctionRoute]) -> Entry {
    let mut entry = Entry {
        text: String::new(),
        modules: BTreeMap::new(),
        scripts: Vec::new(),
    };
    let mut handlers = Vec::new();
    for (at, route) in routes.iter().enumerate() {
        let found = analysis
            .functions
            .iter()
            .find(|it| it.source.file == route.name);
        if let Some(found) = found {
            handlers.push(entry.handler(at, found));
        }
    }
    if let Some(middleware) = &analysis.middleware {
        entry.import("middlewareModule", &middleware.file);
        let export = middleware.export;
        entry.line(&format!(
            "export const middleware=middlewareModule.{export};"
        ));
        handlers.push("middleware".to_owned());
    }
    entry.line(&format!("export const handlers=[{}];", handlers.join(",")));
    entry
}

impl Entry {
    /// The handler of one file, as an expression.
    fn handler(&mut self, at: usize, found: &Found) -> String {
        let module = format!("f{at}");
        match found.kind {
            HandlerKind::Listener => {
                let name = format!("{GLUE}/{at}");
                self.modules.insert(name.clone(), LISTENER_GLUE.to_owned());
                self.line(&format!("import {{handler as {module}}} from \"{name}\";"));
                self.line(&format!("import {};", quoted(&found.source.file)));
                self.scripts.push((found.source.file.clone(), name));
                module
            }
            HandlerKind::Default => {
                self.import(&module, &found.source.file);
                format!("{module}.default")
            }
            HandlerKind::Exports => {
                self.import(&module, &found.source.file);
                by_method(&module, found)
            }
        }
    }

    fn import(&mut self, name: &str, file: &str) {
        self.line(&format!("import * as {name} from {};", quoted(file)));
    }

    fn line(&mut self, line: &str) {
        writeln!(self.text, "{line}").expect("a string takes text");
    }

    /// The scripts as they are bundled: in the first line `addEventListener` is imported.
    pub(super) fn replaced(&self, root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let scripts = self.scripts.iter().filter_map(|(file, module)| {
            let path = root.join(&**file);
            let text = read_source(&path)?;
            let import = format!("import {{addEventListener}} from \"{module}\";");
            Some((path, [import.as_bytes(), &text].concat()))
        });
        scripts.collect()
    }
}

/// One function for all methods, or one for each that has one; a method's own comes before the general one
/// (functions spec 3.2).
fn by_method(module: &str, found: &Found) -> String {
    let has = |name: &str| found.handlers.contains(name);
    let own = FUNCTION_METHODS.iter().filter(|(_, handler)| has(handler));
    if own.clone().next().is_none() {
        return format!("{module}.onRequest");
    }
    let entries = FUNCTION_METHODS.iter().filter_map(|(method, handler)| {
        let handler = match (has(handler), has("onRequest")) {
            (true, _) => handler,
            (false, true) => "onRequest",
            (false, false) => return None,
        };
        Some(format!("{method}:{module}.{handler}"))
    });
    let entries: Vec<String> = entries.collect();
    format!("{{{}}}", entries.join(","))
}

/// A file of the project as a text of JavaScript, to be found from its root.
fn quoted(file: &str) -> String {
    serde_json::Value::from(format!("./{file}")).to_string()
}
