//! One build: what is asked for, and what comes of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::packet::Value;
use super::{Metafile, Service, ServiceError};
use crate::limits::FINDINGS_MAX;

/// The name space of modules that are in no file. Their paths begin with it and a colon.
const NAMESPACE: &str = "holm";

/// Where outputs would be written, if they were: a name in the project's folder that no project uses.
pub(crate) const OUT_FOLDER: &str = ".holm-bundle";

/// What is to be built.
#[derive(Debug)]
pub(crate) struct BuildRequest<'p> {
    /// The project's folder, without symbolic links.
    pub(crate) root: &'p Path,
    /// The files to begin with, each with the name of its output.
    pub(crate) entries: Vec<(String, PathBuf)>,
    /// A text to begin with instead, as if it were a file in the project's folder.
    pub(crate) text: Option<String>,
    /// Options in the spelling of the command line, beyond the common ones.
    pub(crate) flags: Vec<String>,
    /// Modules that are in no file, or not as they are there.
    pub(crate) modules: VirtualModules,
}

/// Modules whose text is given.
#[derive(Debug, Default)]
pub(crate) struct VirtualModules {
    /// By their path, which begins with `holm:`.
    pub(crate) made: BTreeMap<String, String>,
    /// Text in place of that of a file; the loader is what its name says.
    pub(crate) replaced: BTreeMap<PathBuf, Vec<u8>>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Built {
    pub(crate) errors: Vec<Message>,
    pub(crate) warnings: Vec<Message>,
    /// By their path in the output folder.
    pub(crate) outputs: BTreeMap<String, Vec<u8>>,
    pub(crate) metafile: Metafile,
}

/// A finding of the bundler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// A word for warnings; empty for most errors.
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) place: Option<Place>,
    pub(crate) notes: Vec<String>,
}

/// A place in a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Relative to the project, for files in it.
    pub(crate) file: String,
    /// From 1.
    pub(crate) line: u32,
    /// The character in the line, from 1.
    pub(crate) column: u32,
}

impl<'p> BuildRequest<'p> {
    /// Nothing yet.
    pub(crate) fn new(root: &'p Path) -> Self {
        Self {
            root,
            entries: Vec::new(),
            text: None,
            flags: Vec::new(),
            modules: VirtualModules::default(),
        }
    }

    /// Has it built.
    pub(crate) fn run(&self, service: &mut Service) -> Result<Built, ServiceError> {
        let answer = &mut |request: &Value| self.modules.answer(request);
        let response = service.ask(self.value(), answer)?;
        let messages = |key: &str| {
            let messages = response.get(key).list().iter();
            messages.map(Message::from_value).collect()
        };
        Ok(Built {
            errors: messages("errors"),
            warnings: messages("warnings"),
            outputs: outputs(&response),
            metafile: Metafile::parse(response.get("metafile").bytes()),
        })
    }

    fn value(&self) -> Value {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let entries = self.entries.iter();
        let entries = entries.map(|(name, file)| Value::texts([name.clone(), path(file)]));
        let text = self.text.as_ref();
        Value::object([
            ("command", Value::Text("build".to_owned())),
            ("key", Value::Number(0)),
            ("entries", Value::List(entries.collect())),
            (
                "flags",
                Value::texts(common_flags().chain(self.flags.iter().cloned())),
            ),
            ("write", Value::Bool(false)),
            (
                "stdinContents",
                text.map_or(Value::Null, |text| Value::Bytes(text.clone().into_bytes())),
            ),
            (
                "stdinResolveDir",
                text.map_or(Value::Null, |_| Value::Text(path(self.root))),
            ),
            ("absWorkingDir", Value::Text(path(self.root))),
            ("nodePaths", Value::List(Vec::new())),
            ("context", Value::Bool(false)),
            ("plugins", Value::List(vec![self.modules.plugin()])),
        ])
    }
}

/// What holds for every build: one module for an engine with the Web's interfaces and nobody else's.
fn common_flags() -> impl Iterator<Item = String> {
    let flags = [
        "--bundle",
        "--format=esm",
        "--platform=browser",
        "--conditions=worker,module",
        "--target=es2023",
        "--charset=utf8",
        "--legal-comments=none",
        "--log-level=silent",
        "--metafile",
        "--tree-shaking=true",
        "--define:process.env.NODE_ENV=\"production\"",
        "--define:global=globalThis",
        // Three ways of saying the same, of which the one can be bound to a module.
        "--define:self.addEventListener=addEventListener",
        "--define:globalThis.addEventListener=addEventListener",
        // The engine's own name: what is not there cannot be asked for.
        "--define:Deno=undefined",
    ];
    let flags = flags.into_iter().map(str::to_owned);
    flags.chain([
        format!("--outdir={OUT_FOLDER}"),
        format!("--log-limit={FINDINGS_MAX}"),
    ])
}

fn outputs(response: &Value) -> BTreeMap<String, Vec<u8>> {
    let files = response.get("outputFiles").list().iter();
    let outputs = files.map(|file| {
        let path = Path::new(file.get("path").text());
        let mut names = path.iter().skip_while(|name| *name != OUT_FOLDER);
        names.next();
        let name: PathBuf = names.collect();
        let name = name.to_string_lossy().into_owned();
        (name, file.get("contents").bytes().to_vec())
    });
    outputs.collect()
}

impl VirtualModules {
    /// How they are announced.
    fn plugin(&self) -> Value {
        let callback = |id: u32, filter: String, namespace: &str| {
            Value::object([
                ("id", Value::Number(id)),
                ("filter", Value::Text(filter)),
                ("namespace", Value::Text(namespace.to_owned())),
            ])
        };
        let mut on_load = vec![callback(1, ".*".to_owned(), NAMESPACE)];
        if !self.replaced.is_empty() {
            let paths = self.replaced.keys();
            let paths: Vec<String> = paths.map(|path| escaped(&path.to_string_lossy())).collect();
            on_load.push(callback(2, format!("^(?:{})$", paths.join("|")), "file"));
        }
        let on_resolve = vec![callback(0, format!("^{NAMESPACE}:"), "")];
        Value::object([
            ("name", Value::Text(NAMESPACE.to_owned())),
            ("onStart", Value::Bool(false)),
            ("onEnd", Value::Bool(false)),
            ("onResolve", Value::List(on_resolve)),
            ("onLoad", Value::List(on_load)),
        ])
    }

    /// What is answered to the bundler's questions.
    fn answer(&self, request: &Value) -> Value {
        let path = request.get("path").text();
        match (
            request.get("command").text(),
            request.get("namespace").text(),
        ) {
            ("on-resolve", _) if self.made.contains_key(path) => Value::object([
                ("id", Value::Number(0)),
                ("path", Value::Text(path.to_owned())),
                ("namespace", Value::Text(NAMESPACE.to_owned())),
            ]),
            ("on-load", NAMESPACE) => match self.made.get(path) {
                Some(text) => loaded(1, text.as_bytes(), "js", None),
                None => Value::object([]),
            },
            ("on-load", _) => match self.replaced.get(Path::new(path)) {
                Some(text) => {
                    let folder = Path::new(path).parent();
                    loaded(2, text, "default", folder)
                }
                None => Value::object([]),
            },
            ("on-start", _) => Value::object([
                ("errors", Value::List(Vec::new())),
                ("warnings", Value::List(Vec::new())),
            ]),
            _ => Value::object([]),
        }
    }
}

fn loaded(id: u32, contents: &[u8], loader: &str, folder: Option<&Path>) -> Value {
    let folder = folder.map(|folder| Value::Text(folder.to_string_lossy().into_owned()));
    let mut value = Value::object([
        ("id", Value::Number(id)),
        ("contents", Value::Bytes(contents.to_vec())),
        ("loader", Value::Text(loader.to_owned())),
    ]);
    if let (Value::Object(entries), Some(folder)) = (&mut value, folder) {
        entries.insert("resolveDir".to_owned(), folder);
    }
    value
}

/// The text with a backslash before what means something in a regular expression.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if r".+*?()|[]{}^$\/".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out.replace(r"\/", "/")
}

impl Message {
    fn from_value(value: &Value) -> Self {
        let notes = value.get("notes").list().iter();
        Self {
            id: value.get("id").text().to_owned(),
            text: value.get("text").text().to_owned(),
            place: Place::from_value(value.get("location")),
            notes: notes
                .map(|note| note.get("text").text().to_owned())
                .collect(),
        }
    }
}

impl Place {
    fn from_value(value: &Value) -> Option<Self> {
        let bytes = usize::try_from(value.get("column").number()?).ok()?;
        let before = value
            .get("lineText")
            .text()
            .get(..bytes)
            .unwrap_or_default();
        let column = before.chars().count() + 1;
        Some(Self {
            file: value.get("file").text().to_owned(),
            line: value.get("line").number()?,
            column: u32::try_from(column).unwrap_or(u32::MAX),
        })
    }
}
