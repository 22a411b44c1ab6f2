//! One case file: reading it, running it, and writing it back.

use std::collections::BTreeMap;
use std::fmt::Write;

use holm_site::{
    CompileInput, FileEntry, FunctionRoute, Runtime, Site, SiteSettings, codec, compile,
    limits::RuleLimits,
};
use holm_types::BlobDigest;

use super::request::answer;

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
        let compiled = compile(self.compile_input());
        for found in &compiled.diagnostics {
            writeln!(out, "{found}").expect("a string takes text");
        }
        let Some(mut document) = compiled.value else {
            out.push_str("the deployment fails\n");
            return out;
        };
        document.functions = self.functions();
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
        let paths = self
            .lines("files")
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
                name: words[2].into(),
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
