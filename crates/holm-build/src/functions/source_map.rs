//! Source maps: sources are named as the project's author names them, and not as URLs.

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A map of the output folder, which is in the project's, as one of the project's folder. What is no map stays as it is.
pub(super) fn from_root(map: Vec<u8>) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(&map) else {
        return map;
    };
    let sources = value.get_mut("sources").and_then(Value::as_array_mut);
    for source in sources.into_iter().flatten() {
        if let Some(name) = source.as_str().and_then(|name| name.strip_prefix("../")) {
            let name = percent_decode_str(name).decode_utf8_lossy();
            *source = Value::from(name.into_owned());
        }
    }
    serde_json::to_vec(&value).unwrap_or(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_named_from_the_root() {
        let map =
            br#"{"version":3,"sources":["../functions/%5Bid%5D.ts","holm:x"],"mappings":"AAAA"}"#;
        let made: Value = serde_json::from_slice(&from_root(map.to_vec())).unwrap();
        assert_eq!(
            made["sources"],
            serde_json::json!(["functions/[id].ts", "holm:x"])
        );
        assert_eq!(made["mappings"], "AAAA");
        assert_eq!(from_root(b"none".to_vec()), b"none");
    }
}
