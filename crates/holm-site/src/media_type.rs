//! `Content-Type` from a file's name, and whether compressing that type pays.

/// Types that this program names itself: where the general table is silent, dated or ambiguous.
///
/// JSON and XML carry no `charset`: JSON has none (RFC 8259 section 11), and XML names its own encoding.
const OWN: &[(&str, &str)] = &[
    ("atom", "application/atom+xml"),
    ("avif", "image/avif"),
    ("cjs", JAVASCRIPT),
    ("css", "text/css; charset=utf-8"),
    ("geojson", "application/geo+json"),
    ("glb", "model/gltf-binary"),
    ("htm", HTML),
    ("html", HTML),
    ("ico", "image/x-icon"),
    ("js", JAVASCRIPT),
    ("json", "application/json"),
    ("jsonld", "application/ld+json"),
    ("jxl", "image/jxl"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("map", "application/json"),
    ("markdown", "text/markdown; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("mjs", JAVASCRIPT),
    ("otf", "font/otf"),
    ("rss", "application/rss+xml"),
    ("svg", "image/svg+xml"),
    ("ts", "video/mp2t"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain; charset=utf-8"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xhtml", "application/xhtml+xml"),
    ("xml", "application/xml"),
];

const HTML: &str = "text/html; charset=utf-8";
/// RFC 9239.
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// What a client may not guess about (RFC 9110 section 8.3).
const UNKNOWN: &str = "application/octet-stream";

/// The media type of the file at this path, ready to be sent: text types carry `charset=utf-8`.
pub(crate) fn media_type_of(path: &str) -> Box<str> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if path == "/.well-known/apple-app-site-association" {
        return "application/json".into();
    }
    let Some((_, extension)) = name.rsplit_once('.') else {
        return UNKNOWN.into();
    };
    let extension = extension.to_ascii_lowercase();
    if let Ok(index) = OWN.binary_search_by_key(&extension.as_str(), |entry| entry.0) {
        return OWN.get(index).map_or(UNKNOWN, |entry| entry.1).into();
    }
    match mime_guess::from_ext(&extension).first_raw() {
        Some(text) if text.starts_with("text/") => format!("{text}; charset=utf-8").into(),
        Some(other) => other.into(),
        None => UNKNOWN.into(),
    }
}

/// Whether a body of this media type gets smaller when compressed: text in any dress, and the few binary
/// formats that carry no compression of their own.
pub(crate) fn is_compressible(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(
            essence,
            "application/json"
                | "application/xml"
                | "application/javascript"
                | "application/wasm"
                | "application/rtf"
                | "application/vnd.apple.mpegurl"
                | "application/vnd.ms-fontobject"
                | "font/ttf"
                | "font/otf"
                | "image/bmp"
                | "image/x-icon"
                | "model/gltf-binary"
        )
}

/// Whether a file of this media type is looked at by people as a page or part of one, and never is the
/// source of a function.
pub(crate) fn is_page_like(media_type: &str) -> bool {
    media_type.starts_with("text/html")
        || media_type.starts_with("text/css")
        || media_type.starts_with("image/")
        || media_type.starts_with("font/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_table_is_sorted_for_the_look_up() {
        assert!(OWN.is_sorted_by_key(|entry| entry.0));
    }

    #[test]
    fn names_give_types() {
        for (path, want) in [
            ("/index.html", "text/html; charset=utf-8"),
            ("/A.HTML", "text/html; charset=utf-8"),
            ("/a.css", "text/css; charset=utf-8"),
            ("/a.js", "text/javascript; charset=utf-8"),
            ("/a.mjs", "text/javascript; charset=utf-8"),
            ("/a.json", "application/json"),
            ("/a.js.map", "application/json"),
            ("/a.svg", "image/svg+xml"),
            ("/sitemap.xml", "application/xml"),
            ("/robots.txt", "text/plain; charset=utf-8"),
            ("/a.csv", "text/csv; charset=utf-8"),
            ("/a.wasm", "application/wasm"),
            ("/site.webmanifest", "application/manifest+json"),
            ("/a.woff2", "font/woff2"),
            ("/a.avif", "image/avif"),
            ("/a.webp", "image/webp"),
            ("/favicon.ico", "image/x-icon"),
            ("/README.md", "text/markdown; charset=utf-8"),
            ("/a.png", "image/png"),
            ("/a.jpg", "image/jpeg"),
            ("/a.pdf", "application/pdf"),
            ("/a.mp4", "video/mp4"),
            ("/LICENSE", "application/octet-stream"),
            ("/v1.0/LICENSE", "application/octet-stream"),
            ("/a.unheard-of", "application/octet-stream"),
            (
                "/.well-known/apple-app-site-association",
                "application/json",
            ),
        ] {
            assert_eq!(&*media_type_of(path), want, "{path}");
        }
    }

    #[test]
    fn text_is_compressed_and_pictures_are_not() {
        for path in [
            "/a.html",
            "/a.js",
            "/a.json",
            "/a.svg",
            "/a.wasm",
            "/a.webmanifest",
            "/a.ttf",
        ] {
            assert!(is_compressible(&media_type_of(path)), "{path}");
        }
        for path in ["/a.png", "/a.woff2", "/a.mp4", "/a.zip", "/LICENSE"] {
            assert!(!is_compressible(&media_type_of(path)), "{path}");
        }
    }
}
