//! `cloudFunctions` of a project file and the blocks that came before it (config-build spec 1.9).

use super::{Field, Reader};
use crate::code;

/// Deployment regions inside mainland China.
const MAINLAND_REGIONS: &[&str] = &[
    "ap-guangzhou",
    "ap-shanghai",
    "ap-nanjing",
    "ap-beijing",
    "ap-chengdu",
];

/// Deployment regions elsewhere.
const OVERSEAS_REGIONS: &[&str] = &[
    "ap-singapore",
    "ap-hongkong",
    "ap-bangkok",
    "ap-jakarta",
    "ap-seoul",
    "ap-tokyo",
    "eu-frankfurt",
    "na-ashburn",
    "na-siliconvalley",
];

/// Seconds that a function may run.
const MAX_DURATION_SECONDS: std::ops::RangeInclusive<u64> = 10..=120;

/// The settings of functions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloudFunctions {
    /// Node functions.
    pub nodejs: NodeFunctionSettings,
    /// How long a Python function may run, in seconds, 10 to 120. `None` when not said.
    pub python_max_duration_seconds: Option<u64>,
    /// How long a Go function may run, in seconds, 10 to 120. `None` when not said.
    pub go_max_duration_seconds: Option<u64>,
    /// Regions inside mainland China, by id.
    pub mainland_regions: Vec<String>,
    /// Regions elsewhere, by id.
    pub overseas_regions: Vec<String>,
}

/// The settings of Node functions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFunctionSettings {
    /// Globs, from the project's root, of files that go with the function; `!` excludes.
    pub include_files: Vec<String>,
    /// Packages that are left out of the bundle and copied beside it.
    pub external_node_modules: Vec<String>,
    /// How long a function may run, in seconds, 10 to 120. `None` when not said.
    pub max_duration_seconds: Option<u64>,
}

impl Reader<'_> {
    pub(super) fn cloud_functions(&mut self, root: &Field<'_>) -> CloudFunctions {
        let block = self.block(root, "cloudFunctions");
        let nodejs = self.block(&block, "nodejs");
        let (python, go) = (self.block(&block, "python"), self.block(&block, "go"));
        let mut settings = CloudFunctions {
            nodejs: NodeFunctionSettings {
                include_files: self.texts(&nodejs.get("includeFiles")),
                external_node_modules: self.texts(&nodejs.get("externalNodeModules")),
                max_duration_seconds: self.max_duration(&nodejs.get("maxDuration")),
            },
            python_max_duration_seconds: self.max_duration(&python.get("maxDuration")),
            go_max_duration_seconds: self.max_duration(&go.get("maxDuration")),
            mainland_regions: self.regions(&block.get("mainlandRegions"), MAINLAND_REGIONS),
            overseas_regions: self.regions(&block.get("overseasRegions"), OVERSEAS_REGIONS),
        };
        self.older_blocks(root, &mut settings.nodejs);
        settings
    }

    /// `node-functions`, `edge-functions` and `nodeFunctionsConfig` fill in what `cloudFunctions` leaves open.
    fn older_blocks(&mut self, root: &Field<'_>, nodejs: &mut NodeFunctionSettings) {
        let node = self.block(root, "node-functions");
        let edge = self.block(root, "edge-functions");
        for block in [&node, &edge] {
            let base_path = block.get("included_files_base_path");
            if !base_path.is_absent() {
                let message = format!("{} has no effect any more", base_path.path());
                self.remark(&base_path, code::DEPRECATED, message, "take it out");
            }
        }
        let include_files = self.texts(&node.get("included_files"));
        let external_node_modules = self.texts(&node.get("external_node_modules"));
        // Read for its findings; edge functions take nothing along.
        self.texts(&edge.get("included_files"));
        self.texts(&edge.get("external_node_modules"));
        let max_duration = self.block(root, "nodeFunctionsConfig").get("maxDuration");
        let max_duration_seconds = self.max_duration(&max_duration);
        if nodejs.include_files.is_empty() {
            nodejs.include_files = include_files;
        }
        if nodejs.external_node_modules.is_empty() {
            nodejs.external_node_modules = external_node_modules;
        }
        nodejs.max_duration_seconds = nodejs.max_duration_seconds.or(max_duration_seconds);
    }

    /// The object under a key; findings when it is something else.
    fn block<'d>(&mut self, parent: &Field<'d>, key: &str) -> Field<'d> {
        let block = parent.get(key);
        if !block.is_absent() && !block.is_object() {
            self.refuse(&block, code::INVALID_TYPE, "write an object: `{ ... }`");
        }
        block
    }

    fn texts(&mut self, list: &Field<'_>) -> Vec<String> {
        let entries = self.entries(list);
        let text = |reader: &mut Self, entry: &Field<'_>| {
            let text = entry.as_str();
            if text.is_none() {
                reader.refuse(entry, code::INVALID_TYPE, "write a text in quotes");
            }
            text.map(str::to_owned)
        };
        entries
            .iter()
            .filter_map(|entry| text(self, entry))
            .collect()
    }

    fn max_duration(&mut self, field: &Field<'_>) -> Option<u64> {
        if field.is_absent() {
            return None;
        }
        let hints = [
            "write a number of seconds, without quotes",
            "write whole seconds from 10 to 120",
        ];
        self.whole_number(
            field,
            |seconds| MAX_DURATION_SECONDS.contains(&seconds),
            hints,
        )
    }

    fn regions(&mut self, list: &Field<'_>, known: &[&str]) -> Vec<String> {
        let ids = self.entries(list);
        let mut regions = Vec::new();
        for id in ids {
            match id.as_str() {
                None => self.refuse(&id, code::INVALID_TYPE, "write a region id in quotes"),
                Some(text) if known.contains(&text) => regions.push(text.to_owned()),
                Some(_) => {
                    let detail = format!("region id must be one of [{}]", known.join(", "));
                    let hint = "use one of these ids, or take the list out: the deployment fails with this one";
                    self.refuse_with(&id, code::REGION, Some(&detail), hint);
                }
            }
        }
        regions
    }
}
