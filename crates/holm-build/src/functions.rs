//! The bundle of a project's edge functions and middleware.
//!
//! It goes in three builds by one bundler process. The first looks at every file that may be a function and learns
//! what it exports, from the bundler's own list. The table of routes follows from that. The last makes one module
//! that imports each file in the table and exports `handlers`, an array in the order of the table: each entry is a
//! function, or an object with a function for each method; the middleware is one more at the end.

mod analysis;
mod entry;
mod findings;
mod middleware;
mod source_map;

use std::io;
use std::path::{Path, PathBuf};

use holm_site::{
    BuiltFunctions, FunctionBundle, FunctionRoute, FunctionSources, Middleware, function_routes,
};
use holm_types::{BlobDigest, Diagnostic, Parsed};

use crate::esbuild::{BuildRequest, Built, Metafile, Service, ServiceError, VirtualModules};
use crate::limits::BuildLimits;

use analysis::Analysis;

/// What is to be bundled.
#[derive(Clone, Debug)]
pub struct BundleInput<'p> {
    /// The project's folder, with its `node_modules`.
    pub root: &'p Path,
    /// The files, as `holm_site::find_function_sources` finds them.
    pub sources: FunctionSources,
    /// What it may take.
    pub limits: BuildLimits,
}

/// The bundle, and what it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// One ES module without imports, which exports `handlers`. The function for the middleware is exported as
    /// `middleware`, too.
    pub code: Vec<u8>,
    /// Its source map, with paths relative to the project's folder. Not named in the code: visitors never get it.
    pub source_map: Vec<u8>,
    /// The style sheets that functions import, as one, to be served as `/edgeone_pages_assets/index.css`
    /// (functions spec 1.2). `None` when they import none.
    pub style_sheet: Option<Vec<u8>>,
    /// The table of routes.
    pub routes: Vec<FunctionRoute>,
    /// The middleware. `None` when the project has none.
    pub middleware: Option<Middleware>,
    /// The file of the middleware, which is not served.
    pub middleware_file: Option<Box<str>>,
}

impl Bundle {
    /// What is sealed with the project's files, once `code` and `source_map` are in the blob store.
    pub fn built(&self) -> BuiltFunctions {
        BuiltFunctions {
            routes: self.routes.clone(),
            middleware: self.middleware.clone(),
            withheld: self.middleware_file.iter().cloned().collect(),
            bundle: Some(FunctionBundle {
                code: BlobDigest::of(&self.code),
                code_bytes: self.code.len() as u64,
                source_map: Some(BlobDigest::of(&self.source_map)),
            }),
        }
    }
}

/// Why there is no answer about a project.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The project's folder is not there.
    #[error("look at the project in {}", root.display())]
    Root {
        /// The folder.
        root: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The bundler failed.
    #[error("bundle the functions")]
    Service(#[from] ServiceError),
}

/// Bundles the functions and the middleware of a project with this esbuild. Blocks while it works.
///
/// `None` when a finding is an error, or when nothing is to be run: no file exports a handler.
///
/// # Errors
/// When the bundler itself fails; the project is not to blame, and another attempt may succeed.
pub fn bundle_functions(
    esbuild: &Path,
    input: &BundleInput<'_>,
) -> Result<Parsed<Option<Bundle>>, BundleError> {
    let root = input
        .root
        .canonicalize()
        .map_err(|source| BundleError::Root {
            root: input.root.to_owned(),
            source,
        })?;
    if input.sources.is_empty() {
        return Ok(Parsed::default());
    }
    let mut work = Work {
        service: Service::start(esbuild, &root, input.limits.bundler_silence_max)?,
        root: &root,
        limits: input.limits,
        diagnostics: Vec::new(),
    };
    let value = work.run(&input.sources)?;
    Ok(Parsed {
        value,
        diagnostics: work.diagnostics,
    })
}

/// One project's way through the bundler.
struct Work<'r> {
    service: Service,
    root: &'r Path,
    limits: BuildLimits,
    diagnostics: Vec<Diagnostic>,
}

impl Work<'_> {
    fn run(&mut self, sources: &FunctionSources) -> Result<Option<Bundle>, ServiceError> {
        let Some(analysis) = self.analyse(sources)? else {
            return Ok(None);
        };
        let table = function_routes(analysis.routable());
        self.diagnostics.extend(table.diagnostics);
        let routes = table.value;
        let handler = u32::try_from(routes.len()).unwrap_or(u32::MAX);
        let middleware = match &analysis.middleware {
            Some(found) => self.middleware(found, handler)?,
            None => None,
        };
        if self.has_failed() || routes.is_empty() && middleware.is_none() {
            return Ok(None);
        }
        let Some(mut bundle) = self.bundle(&analysis, &routes)? else {
            return Ok(None);
        };
        bundle.routes = routes;
        bundle.middleware_file = analysis.middleware.map(|found| found.file);
        bundle.middleware = middleware;
        Ok(Some(bundle))
    }

    fn has_failed(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Has something built. `None` when the sources are to blame, with findings.
    fn build(&mut self, request: &BuildRequest<'_>) -> Result<Option<Built>, ServiceError> {
        let built = request.run(&mut self.service)?;
        let errors = built.errors.iter();
        self.diagnostics.extend(errors.map(findings::finding_of));
        self.diagnostics
            .extend(findings::outside_of(&built.metafile));
        Ok((!self.has_failed()).then_some(built))
    }

    /// The last build.
    fn bundle(
        &mut self,
        analysis: &Analysis,
        routes: &[FunctionRoute],
    ) -> Result<Option<Bundle>, ServiceError> {
        let entry = entry::entry(analysis, routes);
        let replaced = entry.replaced(self.root);
        let request = BuildRequest {
            text: Some(entry.text),
            flags: vec![
                "--minify-whitespace".to_owned(),
                "--minify-syntax".to_owned(),
                "--sourcemap=external".to_owned(),
                "--sources-content=true".to_owned(),
                "--sourcefile=holm-functions.js".to_owned(),
            ],
            modules: VirtualModules {
                made: entry.modules,
                replaced,
            },
            ..BuildRequest::new(self.root)
        };
        let Some(mut built) = self.build(&request)? else {
            return Ok(None);
        };
        self.diagnostics
            .extend(built.warnings.iter().filter_map(findings::warning_of));
        let mut take = |extension: &str| {
            let name = built
                .outputs
                .keys()
                .find(|name| name.ends_with(extension))?
                .clone();
            built.outputs.remove(&name)
        };
        let bundle = Bundle {
            source_map: source_map::from_root(take(".js.map").unwrap_or_default()),
            code: take(".js").unwrap_or_default(),
            style_sheet: take(".css"),
            ..Bundle::default()
        };
        self.diagnostics.extend(findings::size_of(
            &bundle.code,
            &built.metafile,
            self.limits.edge_bundle_bytes_max,
        ));
        Ok((!self.has_failed()).then_some(bundle))
    }
}

/// The names of what an output exports.
fn exports_of<'m>(metafile: &'m Metafile, file: &str) -> &'m [String] {
    metafile
        .output_of(file)
        .map_or(&[], |output| &output.exports)
}
