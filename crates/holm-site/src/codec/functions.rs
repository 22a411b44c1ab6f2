//! What format 3 of a document adds behind format 2: functions, middleware and their bundle. The lists that
//! formats 1 and 2 had for them were never filled, and are written empty.

use holm_types::BlobDigest;
use serde::{Deserialize, Serialize};

use super::NotAWord;
use crate::{
    DeploymentDocument, FunctionBundle, FunctionRoute, Matcher, MethodSet, Middleware, RouteForm,
    Runtime,
};

#[derive(Default, Serialize, Deserialize)]
pub(super) struct WireFunctions<'b> {
    #[serde(borrow)]
    routes: Vec<WireRoute<'b>>,
    #[serde(borrow)]
    middleware: Option<WireMiddleware<'b>>,
    bundle: Option<WireBundle>,
}

#[derive(Serialize, Deserialize)]
struct WireRoute<'b> {
    src: &'b str,
    /// 0: a regular expression; 1: segments.
    form: u8,
    /// 0: edge; 1: Node.js.
    runtime: u8,
    name: &'b str,
    /// A bit for each method, in the order of `FUNCTION_METHODS`.
    methods: u8,
    handler: u32,
}

#[derive(Serialize, Deserialize)]
struct WireMiddleware<'b> {
    /// Source and regular expression.
    #[serde(borrow)]
    matchers: Vec<(&'b str, &'b str)>,
    handler: u32,
}

#[derive(Serialize, Deserialize)]
struct WireBundle {
    code: [u8; 32],
    code_bytes: u64,
    source_map: Option<[u8; 32]>,
}

impl<'d> From<&'d DeploymentDocument> for WireFunctions<'d> {
    fn from(document: &'d DeploymentDocument) -> Self {
        let routes = document.functions.iter().map(WireRoute::from);
        let middleware = document.middleware.as_ref();
        let bundle = document.edge_bundle.as_ref();
        Self {
            routes: routes.collect(),
            middleware: middleware.map(|middleware| {
                let matchers = middleware.matchers.iter();
                WireMiddleware {
                    matchers: matchers.map(|it| (&*it.source, &*it.regex)).collect(),
                    handler: middleware.handler,
                }
            }),
            bundle: bundle.map(|bundle| WireBundle {
                code: *bundle.code.as_bytes(),
                code_bytes: bundle.code_bytes,
                source_map: bundle.source_map.map(|map| *map.as_bytes()),
            }),
        }
    }
}

impl WireFunctions<'_> {
    /// Puts what was read into a document of format 2.
    pub(super) fn add_to(self, document: &mut DeploymentDocument) -> Result<(), NotAWord> {
        let routes = self.routes.iter().map(FunctionRoute::try_from);
        document.functions = routes.collect::<Result<_, _>>()?;
        document.middleware = self.middleware.map(Middleware::from);
        document.edge_bundle = self.bundle.map(|bundle| FunctionBundle {
            code: BlobDigest::from_bytes(bundle.code),
            code_bytes: bundle.code_bytes,
            source_map: bundle.source_map.map(BlobDigest::from_bytes),
        });
        Ok(())
    }
}

impl<'d> From<&'d FunctionRoute> for WireRoute<'d> {
    fn from(route: &'d FunctionRoute) -> Self {
        Self {
            src: &route.src,
            form: match route.form {
                RouteForm::Regex => 0,
                RouteForm::Segments => 1,
            },
            runtime: match route.runtime {
                Runtime::Edge => 0,
                Runtime::Node => 1,
            },
            name: &route.name,
            methods: route.methods.bits(),
            handler: route.handler,
        }
    }
}

impl TryFrom<&WireRoute<'_>> for FunctionRoute {
    type Error = NotAWord;

    fn try_from(wire: &WireRoute<'_>) -> Result<Self, NotAWord> {
        Ok(Self {
            src: wire.src.into(),
            form: match wire.form {
                0 => RouteForm::Regex,
                1 => RouteForm::Segments,
                _ => return Err(NotAWord),
            },
            runtime: match wire.runtime {
                0 => Runtime::Edge,
                1 => Runtime::Node,
                _ => return Err(NotAWord),
            },
            name: wire.name.into(),
            methods: MethodSet::from_bits(wire.methods).ok_or(NotAWord)?,
            handler: wire.handler,
        })
    }
}

impl From<WireMiddleware<'_>> for Middleware {
    fn from(wire: WireMiddleware<'_>) -> Self {
        let matchers = wire.matchers.into_iter();
        Self {
            matchers: matchers
                .map(|(source, regex)| Matcher {
                    source: source.into(),
                    regex: regex.into(),
                })
                .collect(),
            handler: wire.handler,
        }
    }
}
