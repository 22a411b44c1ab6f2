//! What a function is told of a request.

use holm_functions::{Caller, Invocation, RequestBody};
use holm_site::{FunctionRef, ParamValue, RequestHead, Site};
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;

use super::call::Asking;
use crate::head::read_host;

/// Beginnings of names that only the platform may say: whatever a visitor sends under them is taken out at the
/// rim (decision D11.6).
const OURS: [&str; 9] = [
    "x-holm-",
    "x-middleware-",
    "x-nextjs-",
    "x-invoke-",
    "x-now-",
    "x-vercel-",
    "eo-",
    "x-scf-",
    "x-cube-",
];
/// Whole names of the same kind.
const OURS_BY_NAME: [&str; 3] = [
    "x-matched-path",
    "x-prerender-revalidate",
    "functions-request-id",
];
/// What begins so and is a browser's own.
const THEIRS: [&str; 2] = ["x-middleware-prefetch", "x-nextjs-data"];

/// Takes out of a visitor's fields what only the platform may say.
pub(super) fn take_out_ours(headers: &mut HeaderMap) {
    let is_ours = |name: &HeaderName| {
        let name = name.as_str();
        OURS_BY_NAME.contains(&name)
            || !THEIRS.contains(&name) && OURS.iter().any(|ours| name.starts_with(ours))
    };
    let ours: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_ours(name))
        .cloned()
        .collect();
    for name in ours {
        headers.remove(name);
    }
}

/// The visitor's URL, whole.
pub(super) fn url(parts: &Parts, head: &RequestHead<'_>) -> String {
    let target = parts.uri.path_and_query();
    let target = target.map_or("/", http::uri::PathAndQuery::as_str);
    format!("{}://{}{target}", head.scheme.as_str(), head.authority)
}

impl Asking {
    /// The request for handler `route`, or for the middleware.
    pub(super) fn invocation(
        &self,
        route: Option<u32>,
        params_json: Option<String>,
        url: String,
        (mut headers, body): (HeaderMap, RequestBody),
    ) -> Invocation {
        // In HTTP/2 the host is no field, but a function finds it as one.
        if !headers.contains_key(HOST)
            && let Ok((_, authority)) = read_host(&self.parts)
            && let Ok(authority) = HeaderValue::try_from(authority)
        {
            headers.insert(HOST, authority);
        }
        Invocation {
            route,
            params_json,
            method: self.parts.method.clone(),
            url,
            headers,
            body,
            caller: Caller {
                uuid: self.asker.request_id.to_string(),
                client_ip: self.client_ip.clone(),
                geo_json: None,
            },
        }
    }
}

/// The parameters of a route as JSON. `None` when it has none.
pub(super) fn params_json(site: &Site, function: FunctionRef, raw_path: &str) -> Option<String> {
    let params = site.function_params(function, raw_path);
    if params.is_empty() {
        return None;
    }
    let params = params.into_iter().map(|(name, value)| {
        let value = match value {
            ParamValue::One(text) => text.into(),
            ParamValue::Many(texts) => texts.into_iter().map(serde_json::Value::from).collect(),
        };
        (name.to_owned(), value)
    });
    let params: serde_json::Map<String, serde_json::Value> = params.collect();
    Some(serde_json::Value::Object(params).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_platform_may_say_is_taken_out() {
        let names = [
            "x-holm-call",
            "x-middleware-next",
            "eo-connecting-ip",
            "x-matched-path",
            "x-middleware-prefetch",
            "x-nextjs-data",
            "x-nextjs-cache",
            "x-middle",
            "cookie",
        ];
        let fields = names.map(|name| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static("1"))
        });
        let mut headers = HeaderMap::from_iter(fields);
        take_out_ours(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        let want = [
            "cookie",
            "x-middle",
            "x-middleware-prefetch",
            "x-nextjs-data",
        ];
        assert_eq!(left, want);
    }
}
