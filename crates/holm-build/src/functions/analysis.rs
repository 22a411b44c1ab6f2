//! What the files that may be functions are.
//!
//! The names of exports are the bundler's own, and so is whether a script registers a listener: the name
//! `addEventListener` is bound to a module of ours, and the bundler says which outputs that module went into. Two
//! questions cannot be asked of it. Whether the default export is the function called `onRequest` is seen by adding
//! an export of that name to the source, which fails where there is no such name. And a `CommonJS` module has no list
//! of exports at all: there `EdgeOne`'s own rule holds, that the text has the name (functions spec 1.2).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use holm_site::{FUNCTION_METHODS, FunctionSource, FunctionSources, MethodSet};

use super::{Work, exports_of, findings};
use crate::esbuild::{BuildRequest, Built, ServiceError, VirtualModules};
use crate::limits::SOURCE_BYTES_MAX;

/// The export that handles all methods, and the name that a default export must have to be taken for it.
const HANDLER: &str = "onRequest";

/// The module that is bound to `addEventListener`.
const LISTENER: &str = "holm:listener";

/// How the handlers of a file are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HandlerKind {
    /// By the names of its exports.
    Exports,
    /// By its default export.
    Default,
    /// It registers a listener for `fetch`.
    Listener,
}

/// A file that answers something.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) source: FunctionSource,
    pub(super) kind: HandlerKind,
    /// Names of handlers, where they are reached by name.
    pub(super) handlers: BTreeSet<String>,
}

/// A middleware.
#[derive(Clone, Debug)]
pub(super) struct FoundMiddleware {
    pub(super) file: Box<str>,
    /// The export that is called.
    pub(super) export: &'static str,
    pub(super) has_config: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Analysis {
    pub(super) functions: Vec<Found>,
    pub(super) middleware: Option<FoundMiddleware>,
}

impl Analysis {
    /// What the table of routes is made of.
    pub(super) fn routable(&self) -> impl Iterator<Item = (FunctionSource, MethodSet)> {
        self.functions.iter().map(|found| {
            let methods = match found.kind {
                HandlerKind::Exports => {
                    MethodSet::of_exports(found.handlers.iter().map(String::as_str))
                }
                HandlerKind::Default | HandlerKind::Listener => MethodSet::ALL,
            };
            (found.source.clone(), methods)
        })
    }
}

impl Work<'_> {
    /// The first builds. `None` when a source cannot be read.
    pub(super) fn analyse(
        &mut self,
        sources: &FunctionSources,
    ) -> Result<Option<Analysis>, ServiceError> {
        let files = sources.edge.iter().map(|source| &*source.file);
        let files: Vec<&str> = files.chain(sources.middleware.as_deref()).collect();
        for file in &files {
            self.check_file(file);
        }
        if self.has_failed() {
            return Ok(None);
        }
        let request = BuildRequest {
            flags: vec![
                format!("--inject:{LISTENER}"),
                "--packages=external".to_owned(),
            ],
            modules: VirtualModules {
                made: BTreeMap::from([(LISTENER.to_owned(), listener_probe())]),
                ..VirtualModules::default()
            },
            ..request_for(self.root, &files)
        };
        let Some(built) = self.build(&request)? else {
            return Ok(None);
        };
        let mut analysis = Analysis {
            functions: self.functions(&sources.edge, &built),
            middleware: sources
                .middleware
                .as_deref()
                .and_then(|file| self.find_middleware(file, &built)),
        };
        self.ask_for_defaults(&mut analysis.functions, &built, sources)?;
        Ok(Some(analysis))
    }

    /// A source is a file of the project, and no link to a device or to somebody else's file.
    fn check_file(&mut self, file: &str) {
        let path = self.root.join(file).canonicalize();
        let is_own = path.is_ok_and(|path| path.starts_with(self.root) && path.is_file());
        if !is_own {
            self.diagnostics.push(findings::outside(file));
        }
    }

    fn functions(&self, sources: &[FunctionSource], built: &Built) -> Vec<Found> {
        let found = sources.iter().filter_map(|source| {
            let input = built.metafile.inputs.get(&*source.file)?;
            let handlers = if input.format == "cjs" {
                named_in_text(&self.root.join(&*source.file))
            } else {
                let exports = exports_of(&built.metafile, &source.file).iter();
                exports.filter(|name| is_handler(name)).cloned().collect()
            };
            let kind = if !handlers.is_empty() {
                HandlerKind::Exports
            } else if registers_listener(built, &source.file) {
                HandlerKind::Listener
            } else {
                return None;
            };
            Some(Found {
                source: source.clone(),
                kind,
                handlers,
            })
        });
        found.collect()
    }

    /// Adds the files whose default export is called `onRequest`.
    fn ask_for_defaults(
        &mut self,
        functions: &mut Vec<Found>,
        built: &Built,
        sources: &FunctionSources,
    ) -> Result<(), ServiceError> {
        let is_open = |source: &&FunctionSource| {
            has_default(built, &source.file)
                && functions.iter().all(|it| it.source.file != source.file)
        };
        let open: Vec<&FunctionSource> = sources.edge.iter().filter(is_open).collect();
        let refused = self.without_handler(&open)?;
        let named = open.into_iter().filter(|it| !refused.contains(&*it.file));
        functions.extend(named.map(|source| Found {
            source: source.clone(),
            kind: HandlerKind::Default,
            handlers: BTreeSet::new(),
        }));
        Ok(())
    }

    /// Those of some files in which nothing is called `onRequest`.
    fn without_handler(
        &mut self,
        sources: &[&FunctionSource],
    ) -> Result<BTreeSet<String>, ServiceError> {
        let probe = format!("\n;export{{{HANDLER} as holmProbe}};").into_bytes();
        let mut refused = BTreeSet::new();
        let mut replaced = BTreeMap::new();
        for source in sources {
            let path = self.root.join(&*source.file);
            match read_source(&path) {
                Some(text) => {
                    replaced.insert(path, [text, probe.clone()].concat());
                }
                None => {
                    refused.insert(source.file.to_string());
                }
            }
        }
        if replaced.is_empty() {
            return Ok(refused);
        }
        let files: Vec<&str> = sources.iter().map(|source| &*source.file).collect();
        let request = BuildRequest {
            flags: vec!["--packages=external".to_owned(), "--log-limit=0".to_owned()],
            modules: VirtualModules {
                replaced,
                ..VirtualModules::default()
            },
            ..request_for(self.root, &files)
        };
        // Its errors are its answer.
        let probed = request.run(&mut self.service)?;
        let places = probed.errors.into_iter().filter_map(|error| error.place);
        refused.extend(places.map(|place| place.file));
        Ok(refused)
    }
}

/// Whether a module has a default export and a list of them.
fn has_default(built: &Built, file: &str) -> bool {
    let format = built.metafile.inputs.get(file).map(|input| &*input.format);
    let exports = exports_of(&built.metafile, file);
    format != Some("cjs") && exports.iter().any(|name| name == "default")
}

/// A build that begins with each of these files.
fn request_for<'p>(root: &'p Path, files: &[&str]) -> BuildRequest<'p> {
    let entries = files.iter().enumerate();
    BuildRequest {
        entries: entries
            .map(|(at, file)| (format!("f{at}"), root.join(file)))
            .collect(),
        ..BuildRequest::new(root)
    }
}

/// What is bound to `addEventListener` while looking: its use is what counts.
fn listener_probe() -> String {
    "export function addEventListener() {}".to_owned()
}

fn registers_listener(built: &Built, file: &str) -> bool {
    let output = built.metafile.output_of(file);
    output.is_some_and(|output| {
        let share = output
            .inputs
            .iter()
            .find(|(path, _)| path.ends_with(LISTENER));
        output.exports.is_empty() && share.is_some_and(|(_, share)| share.bytes_in_output > 0)
    })
}

fn is_handler(name: &str) -> bool {
    name == HANDLER || FUNCTION_METHODS.iter().any(|(_, handler)| *handler == name)
}

/// The names of handlers that a text has as whole words.
fn named_in_text(path: &Path) -> BTreeSet<String> {
    let text = read_source(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let words = text.split(|character: char| !character.is_alphanumeric() && character != '_');
    words
        .filter(|word| is_handler(word))
        .map(str::to_owned)
        .collect()
}

/// The bytes of a source. `None` when it is no file that can be read, or is too large to be looked at.
pub(super) fn read_source(path: &Path) -> Option<Vec<u8>> {
    let facts = std::fs::metadata(path).ok()?;
    if !facts.is_file() || facts.len() > SOURCE_BYTES_MAX {
        return None;
    }
    std::fs::read(path).ok()
}
