//! `_headers`: a path or URL a block, and under it `Name: value` or `! Name` lines.

use holm_types::Parsed;
use http::{HeaderName, HeaderValue};

use super::{Complaint, Findings, RawLine, column_at, lines, path_complaint};
use crate::code;
use crate::limits::RuleLimits;
use crate::project_file::is_reserved_header;
use crate::{HeaderBlock, RuleOrigin};

const FILE: &str = "_headers";

/// Reads `_headers`. It never fails: a line that cannot be used is dropped, with a finding, and a block
/// whose path cannot be used with all its lines.
pub(crate) fn read_headers(text: &[u8], limits: &RuleLimits) -> Parsed<Vec<HeaderBlock>> {
    let mut reader = Reader {
        limits,
        findings: Findings::new(FILE, limits),
        blocks: Vec::new(),
        place: Place::Before,
    };
    let lines = lines(
        text,
        limits.header_line_chars_max,
        limits,
        &mut reader.findings,
    );
    for line in lines {
        let begins_block = line.begins_with_path;
        if begins_block && reader.is_full() {
            reader.close();
            reader
                .findings
                .add(line.number, too_many_blocks(limits.header_blocks_max));
            reader.place = Place::Dropped;
            break;
        }
        if begins_block {
            reader.begin(line);
        } else if let Some(text) = line.text {
            reader.take_field(line.number, text);
        }
    }
    reader.close();
    Parsed {
        value: reader.blocks,
        diagnostics: reader.findings.finish(),
    }
}

fn too_many_blocks(max: usize) -> Complaint {
    Complaint::new(
        1,
        code::LINE_LIMIT,
        format!("only the first {max} blocks are used"),
        "the server's limit is `site.header_blocks_max`",
    )
}

/// Where in the file the reader is.
enum Place {
    /// Before the first path.
    Before,
    /// Under a path that can be used.
    Under(HeaderBlock),
    /// Under one that cannot; its lines go with it.
    Dropped,
}

struct Reader<'l> {
    limits: &'l RuleLimits,
    findings: Findings,
    blocks: Vec<HeaderBlock>,
    place: Place,
}

impl Reader<'_> {
    fn is_full(&self) -> bool {
        let open = usize::from(matches!(self.place, Place::Under(_)));
        self.blocks.len() + open >= self.limits.header_blocks_max
    }

    fn begin(&mut self, line: RawLine<'_>) {
        self.close();
        // What is wrong with it as text was said already.
        let Some(text) = line.text else { return };
        let url = text.trim_start();
        let column = column_at(text, text.len() - url.len());
        match read_url(url, column) {
            Ok((host, source)) => {
                self.place = Place::Under(HeaderBlock {
                    host: host.map(Into::into),
                    source: source.into(),
                    set: Vec::new(),
                    unset: Vec::new(),
                    origin: RuleOrigin {
                        file: FILE.into(),
                        line: line.number,
                    },
                });
            }
            Err(complaint) => self.findings.add(line.number, complaint),
        }
    }

    /// Keeps the block that was read, if it has anything in it.
    fn close(&mut self) {
        let Place::Under(block) = std::mem::replace(&mut self.place, Place::Dropped) else {
            return;
        };
        if block.set.is_empty() && block.unset.is_empty() {
            let message = format!("the block of `{}` has no headers", block.source);
            let hint = "write `Name: value` on the lines below the path";
            let complaint = Complaint::new(1, code::LINE_NO_EFFECT, message, hint);
            self.findings.add(block.origin.line, complaint);
        } else {
            self.blocks.push(block);
        }
    }

    fn take_field(&mut self, number: u32, text: &str) {
        let pairs_max = self.limits.header_pairs_max;
        let taken = match &mut self.place {
            Place::Dropped => Ok(()),
            Place::Before => Err(Complaint::new(
                1,
                code::LINE_SYNTAX,
                "the line stands before any path",
                "write the path that it is for above it",
            )),
            Place::Under(block) if block.set.len() + block.unset.len() >= pairs_max => {
                Err(Complaint::new(
                    1,
                    code::LINE_LIMIT,
                    format!("only the first {pairs_max} headers of a block are used"),
                    "the server's limit is `site.header_pairs_max`",
                ))
            }
            Place::Under(block) => read_field(text).map(|field| match field {
                Field::Set(name, value) => block.set.push((name.into(), value.into())),
                Field::Unset(name) => block.unset.push(name.into()),
            }),
        };
        if let Err(complaint) = taken {
            self.findings.add(number, complaint);
        }
    }
}

/// Host and path of a block's first line.
fn read_url(url: &str, column: u32) -> Result<(Option<&str>, &str), Complaint> {
    let wrong = |code, message: &str, hint| Err(Complaint::new(column, code, message, hint));
    if let Some(at) = url.find(char::is_whitespace) {
        let column = column.saturating_add(column_at(url, at));
        let (message, hint) = ("the path has a space in it", "write it as `%20`");
        return Err(Complaint::new(column, code::LINE_SYNTAX, message, hint));
    }
    let (host, path) = match url.split_once("://") {
        Some(("https", rest)) => match rest.find('/') {
            Some(slash) => {
                let (host, path) = rest.split_at(slash);
                (Some(host), path)
            }
            None => (Some(rest), "/"),
        },
        Some((scheme, _)) if !scheme.starts_with('/') => {
            return wrong(
                code::LINE_SYNTAX,
                "a URL begins with `https://`",
                "it is for requests of both schemes",
            );
        }
        _ => (None, url),
    };
    if let Some(host) = host {
        check_host(host, column)?;
    }
    let path = path.split('#').next().unwrap_or_default();
    let complaint = path_complaint(path, column).or_else(|| {
        let stars = host.unwrap_or_default().matches('*').count() + path.matches('*').count();
        (stars > 1).then(|| {
            Complaint::new(
                column,
                code::LINE_SYNTAX,
                "the URL has more than one `*`",
                "keep one `*`",
            )
        })
    });
    match complaint {
        Some(complaint) => Err(complaint),
        None => Ok((host, path)),
    }
}

fn check_host(host: &str, column: u32) -> Result<(), Complaint> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:*".contains(c);
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.starts_with(|c: char| c.is_ascii_digit()));
    if has_port {
        let message = "a port is not looked at";
        return Err(Complaint::new(
            column,
            code::LINE_UNSUPPORTED,
            message,
            "leave the port out",
        ));
    }
    if host.is_empty() || !host.chars().all(is_allowed) {
        let message = format!("`{host}` is no host");
        return Err(Complaint::new(
            column,
            code::LINE_SYNTAX,
            message,
            "write it as in `https://example.com/*`",
        ));
    }
    // A label is to a host what a segment is to a path.
    match path_complaint(&host_as_path(host), column) {
        Some(complaint) => Err(complaint),
        None => Ok(()),
    }
}

/// A host as a path of labels, so that one kind of pattern serves for both.
pub(crate) fn host_as_path(host: &str) -> String {
    format!("/{}", host.to_ascii_lowercase().replace('.', "/"))
}

/// What answers cannot do without, though it may have another value.
const NEVER_TAKEN: &[&str] = &[
    "allow",
    "content-encoding",
    "content-type",
    "location",
    "vary",
];

enum Field<'t> {
    Set(&'t str, &'t str),
    Unset(&'t str),
}

fn read_field(line: &str) -> Result<Field<'_>, Complaint> {
    let text = line.trim_start();
    let column = column_at(line, line.len() - text.len());
    if let Some(name) = text.strip_prefix('!') {
        let name = name.trim();
        check_name(name, column)?;
        if NEVER_TAKEN
            .iter()
            .any(|kept| name.eq_ignore_ascii_case(kept))
        {
            let message = format!("`{name}` cannot be taken away: answers would be read wrongly");
            let hint = "set it to another value, or take the line out";
            return Err(Complaint::new(column, code::LINE_NO_EFFECT, message, hint));
        }
        return Ok(Field::Unset(name));
    }
    let Some((name, value)) = text.split_once(':') else {
        let message = "the line is neither a path nor `Name: value`";
        let hint = "put a colon after the header's name, or a slash before a path";
        return Err(Complaint::new(column, code::LINE_SYNTAX, message, hint));
    };
    let (name, value) = (name.trim_end(), value.trim());
    check_name(name, column)?;
    if value.is_empty() {
        let message = format!("`{name}` has no value");
        let hint = "write `Name: value`, or `! Name` to take a header away";
        return Err(Complaint::new(column, code::LINE_SYNTAX, message, hint));
    }
    if let Some(tab) = value.find('\t') {
        // Legal (RFC 9110 section 5.5), and read differently by those who come after.
        let before = line.len() - line.trim_start().len() + text.find(value).unwrap_or_default();
        let column = column_at(line, before + tab);
        let message = format!("the value of `{name}` has a tab in it");
        let complaint = Complaint::new(column, code::LINE_UNSAFE, message, "write a space");
        return Err(complaint);
    }
    if HeaderValue::from_bytes(value.as_bytes()).is_err() {
        let message = format!("the value of `{name}` cannot be sent");
        return Err(Complaint::new(
            column,
            code::LINE_UNSAFE,
            message,
            "keep to letters, digits and signs",
        ));
    }
    Ok(Field::Set(name, value))
}

fn check_name(name: &str, column: u32) -> Result<(), Complaint> {
    let wrong = |code, message: String, hint| Err(Complaint::new(column, code, message, hint));
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        let message = format!("`{name}` is no header's name");
        return wrong(
            code::LINE_SYNTAX,
            message,
            "a name has letters, digits and `-`, and no spaces",
        );
    }
    if name.eq_ignore_ascii_case("basic-auth") {
        let message =
            "`Basic-Auth` is a setting of Netlify's, not a header; the line is dropped".to_owned();
        let hint = "protect the project's previews in its settings";
        return wrong(code::LINE_UNSUPPORTED, message, hint);
    }
    if is_reserved_header(name) {
        let message = format!("`{name}` is set by the server alone; the line has no effect");
        return wrong(code::LINE_NO_EFFECT, message, "take the line out");
    }
    Ok(())
}
