//! One case file: reading it, running it, and writing it back.

use std::collections::BTreeMap;
use std::fmt::Write;

use holm_site::{
    BuiltFunctions, CompileInput, FileEntry, FunctionRoute, MethodSet, RouteForm, Runtime, Site,
    SiteSettings, codec, compile, compile_with_functions, limits::RuleLimits,
};
use holm_types::BlobDigest;

use super::request::answer;
use super::sources;

/// What stands between the input and what is expected.
const DIVIDER: &str = "----\n";

pub(super) struct Case {
    input: String,
    pub(super) expected: String,
    sections: BTreeMap<String, String>,
}

impl Case {
    pub(super) fn parse(text: &str) -> Self {
        let (input, expected) = text.split_once(DIVIDER).unwrap_or((text, ""));
        let mut sections: BTreeMap<String, String> = BTreeMap::new();
        let mut name = String::from("comment");
        for line in input.lines() {
            if let Some(heading) = line.strip_prefix("# ") {
                heading.clone_into(&mut name);
                sections.insert(name.clone(), String::new());
            } else {
                let section = sections.entry(name.clone()).or_default();
                section.push_str(line);
                section.push('\n');
            }
        }
        Self {
            input: input.to_owned(),
            expected: expected.to_owned(),
            sections,
        }
    }

    pub(super) fn with_expected(&self, expected: &str) -> String {
        format!("{}{DIVIDER}{expected}", self.input)
    }

    pub(super) fn run(&self) -> String {
        let mut out = String::new();
        let built = sources::build(
            &self.lines("sources").map(str::to_owned).collect::<Vec<_>>(),
            self.sections.get("matcher").map(String::as_str),
            &mut out,
        );
        let Some(mut built) = built else {
            out.push_str("the deployment fails\n");
            return out;
        };
        built.routes.extend(self.functions());
        let compiled = if built == BuiltFunctions::default() {
            compile(self.compile_input())
        } else {
            compile_with_functions(self.compile_input(), built)
        };
        for found in &compiled.diagnostics {
            writeln!(out, "{found}").expect("a string takes text");
        }
        let Some(document) = compiled.value else {
            out.push_str("the deployment fails\n");
            return out;
        };
        // What is asked is what was stored and read again.
        let bytes = codec::encode_document(&document);
        let document = codec::decode_document(&bytes).expect("what was encoded can be decoded");
        let site = Site::new(document);
        for line in self.lines("requests") {
            writeln!(out, "{line}").expect("a string takes text");
            out.push_str(&answer(&site, line));
        }
        out
    }

    fn compile_input(&self) -> CompileInput {
        let configs = self.sections.iter().filter(|(name, _)| {
            name.starts_with("edgeone.json")
                || [".edgeone-assets-config.json", "_redirects", "_headers"]
                    .contains(&name.as_str())
        });
        let configs: BTreeMap<String, Vec<u8>> = configs
            .map(|(name, text)| (format!("/{name}"), text.clone().into_bytes()))
            .collect();
        let sources: Vec<String> = self
            .lines("sources")
            .map(|line| format!("/{}", sources::file_of(line)))
            .collect();
        let paths = self
            .lines("files")
            .chain(sources.iter().map(String::as_str))
            .chain(configs.keys().map(String::as_str));
        let file = |path: &str| FileEntry {
            path: path.to_owned(),
            digest: BlobDigest::of(path.as_bytes()),
            size_bytes: path.len() as u64,
        };
        CompileInput {
            files: paths.map(file).collect(),
            settings: SiteSettings {
                functions_before_files: self
                    .lines("settings")
                    .any(|line| line == "functions_before_files"),
            },
            configs,
            limits: RuleLimits::DEFAULT,
        }
    }

    fn functions(&self) -> Vec<FunctionRoute> {
        let route = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            FunctionRoute {
                runtime: if words[0] == "edge" {
                    Runtime::Edge
                } else {
                    Runtime::Node
                },
                src: words[1].into(),
                form: RouteForm::Regex,
                name: words[2].into(),
                methods: MethodSet::ALL,
                handler: 0,
            }
        };
        self.lines("functions").map(route).collect()
    }

    fn lines(&self, section: &str) -> impl Iterator<Item = &str> {
        let text = self
            .sections
            .get(section)
            .map(String::as_str)
            .unwrap_or_default();
        text.lines().filter(|line| !line.is_empty())
    }
}
