//! The middleware: which export it is, and which paths its `config` names.
//!
//! The config is read, not run (`docs/adr/0012-the-middlewares-config-is-read.md`): the bundler makes a module that
//! holds nothing but `config` and what it is made of, types taken away, and a reader of literals reads that.

use std::path::Path;

use holm_site::{ConfigValue, Middleware, read_matchers};
use holm_types::{Diagnostic, Severity};

use super::analysis::FoundMiddleware;
use super::{Work, exports_of};
use crate::esbuild::{BuildRequest, Built, ServiceError};
use crate::{code, literal};

/// The exports that are taken for the middleware, the first that is there.
const EXPORTS: [&str; 3] = ["middleware", "proxy", "default"];

impl Work<'_> {
    /// The middleware in a file. A file called `proxy`, or in `src/`, that exports none is another file of the project.
    pub(super) fn find_middleware(&mut self, file: &str, built: &Built) -> Option<FoundMiddleware> {
        let exports = exports_of(&built.metafile, file);
        let has = |name: &str| exports.iter().any(|export| export == name);
        if let Some(export) = EXPORTS.into_iter().find(|name| has(name)) {
            return Some(FoundMiddleware {
                file: file.into(),
                export,
                has_config: has("config"),
            });
        }
        if file.starts_with("middleware.") {
            self.diagnostics.push(
                Diagnostic::new(
                    Severity::Error,
                    code::NO_MIDDLEWARE,
                    "the file exports no function called `middleware`",
                )
                .at(file, None)
                .hint("write `export function middleware(context) { return context.next(); }`"),
            );
        }
        None
    }

    /// The paths that it runs for. `None` when its config cannot be read.
    pub(super) fn middleware(
        &mut self,
        found: &FoundMiddleware,
        handler: u32,
    ) -> Result<Option<Middleware>, ServiceError> {
        let config = if found.has_config {
            self.config(found)?
        } else {
            Some(ConfigValue::Null)
        };
        let Some(config) = config else {
            return Ok(None);
        };
        let matchers = read_matchers(&config, &found.file);
        self.diagnostics.extend(matchers.diagnostics);
        Ok(Some(Middleware {
            matchers: matchers.value,
            handler,
        }))
    }

    fn config(&mut self, found: &FoundMiddleware) -> Result<Option<ConfigValue>, ServiceError> {
        let file = serde_json::Value::from(format!("./{}", found.file));
        let request = BuildRequest {
            text: Some(format!("export {{config}} from {file};")),
            flags: vec![
                "--packages=external".to_owned(),
                "--minify-syntax".to_owned(),
                "--minify-whitespace".to_owned(),
            ],
            ..BuildRequest::new(self.root)
        };
        let Some(built) = self.build(&request)? else {
            return Ok(None);
        };
        let text = built.outputs.values().next().map(Vec::as_slice);
        let text = String::from_utf8_lossy(text.unwrap_or_default());
        match literal::exported(&text, "config") {
            Ok(value) => Ok(Some(value)),
            Err(problem) => {
                let line = line_of_config(&self.root.join(&*found.file));
                self.diagnostics.push(
                    Diagnostic::new(
                        Severity::Error,
                        code::CONFIG,
                        format!("`config` cannot be read: {problem}"),
                    )
                    .at(&*found.file, line)
                    .hint("write the matchers out: `export const config = { matcher: [\"/api/:path*\"] };`"),
                );
                Ok(None)
            }
        }
    }
}

/// The line that a finding about `config` points to.
fn line_of_config(path: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    let at = lines.position(|line| line.contains("config") && line.contains("export"))?;
    u32::try_from(at + 1).ok()
}
