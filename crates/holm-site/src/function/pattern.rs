//! The pattern that a function's place in its folder makes: `/api/[id]`, `/api/[[path]]`.

/// What one parameter of a path holds. As it was sent: it is not percent-decoded (functions spec 3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamValue<'p> {
    /// A text: `[name]`, or `[[name]]` that took one segment.
    One(&'p str),
    /// A list: `[[name]]` that took several segments.
    Many(Vec<&'p str>),
}

/// A path by segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilePattern(Box<[Segment]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// Exactly this.
    Literal(Box<str>),
    /// `[name]`: any one segment.
    One(Box<str>),
    /// `[[name]]`: all that is left, at least one segment. Only ever the last.
    Rest(Box<str>),
}

/// Why a path is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatternError {
    /// There is something behind `[[name]]`.
    RestNotLast,
}

impl FilePattern {
    /// Reads `/`, or `/` and segments between slashes.
    pub(crate) fn parse(src: &str) -> Result<Self, PatternError> {
        let body = src.strip_prefix('/').unwrap_or(src);
        let names = body.split('/').filter(|name| !name.is_empty());
        let segments: Box<[Segment]> = names.map(Segment::parse).collect();
        let mut front = segments.iter().rev().skip(1);
        if front.any(|segment| matches!(segment, Segment::Rest(_))) {
            return Err(PatternError::RestNotLast);
        }
        Ok(Self(segments))
    }

    /// Whether it takes this path, decoded; one slash at the end does not count. Never allocates.
    pub(crate) fn is_match(&self, path: &str) -> bool {
        let mut rest = body(path);
        for segment in &self.0 {
            let Some(text) = rest else { return false };
            let (name, behind) = match text.split_once('/') {
                Some((name, behind)) => (name, Some(behind)),
                None => (text, None),
            };
            match segment {
                Segment::Literal(literal) if **literal == *name => {}
                Segment::One(_) if !name.is_empty() => {}
                Segment::Rest(_) => return !text.is_empty(),
                Segment::Literal(_) | Segment::One(_) => return false,
            }
            rest = behind;
        }
        rest.is_none()
    }

    /// The parameters in a path that it takes. Two of one name: the later one counts.
    pub(crate) fn params<'s, 'p>(&'s self, path: &'p str) -> Vec<(&'s str, ParamValue<'p>)> {
        let mut params: Vec<(&str, ParamValue<'p>)> = Vec::new();
        let mut rest = body(path);
        for segment in &self.0 {
            let text = rest.unwrap_or_default();
            let (name, behind) = match text.split_once('/') {
                Some((name, behind)) => (name, Some(behind)),
                None => (text, None),
            };
            rest = behind;
            let (key, value) = match segment {
                Segment::Literal(_) => continue,
                Segment::One(key) => (key, ParamValue::One(name)),
                Segment::Rest(key) if behind.is_none() => (key, ParamValue::One(text)),
                Segment::Rest(key) => (key, ParamValue::Many(text.split('/').collect())),
            };
            params.retain(|(known, _)| *known != &**key);
            params.push((key, value));
        }
        params
    }

    /// The same for patterns that take the same paths: names of parameters do not count.
    pub(crate) fn shape(&self) -> String {
        let shapes = self.0.iter().map(|segment| match segment {
            Segment::Literal(literal) => format!("/={literal}"),
            Segment::One(_) => "/[]".to_owned(),
            Segment::Rest(_) => "/[[]]".to_owned(),
        });
        shapes.collect()
    }

    /// Where it stands among others: lower is asked earlier (functions spec 2.5). Of two that are equal there, the
    /// one comes first whose literal names stand further in front.
    pub(crate) fn rank(&self) -> (u8, i64, Vec<u8>) {
        let count = |wanted: fn(&Segment) -> bool| {
            let found = self.0.iter().filter(|segment| wanted(segment)).count();
            i64::try_from(found).unwrap_or(i64::MAX / 4096)
        };
        let literals = count(|segment| matches!(segment, Segment::Literal(_)));
        let ones = count(|segment| matches!(segment, Segment::One(_)));
        let rests = count(|segment| matches!(segment, Segment::Rest(_)));
        let class = match (literals + ones, ones, rests) {
            (0, _, 1..) => 3,
            (_, _, 1..) => 2,
            (_, 1.., _) => 1,
            _ => 0,
        };
        let score = literals * 1000 + (literals + ones + rests) * 100 - (ones + 2 * rests) * 10;
        let kinds = self.0.iter().map(|segment| match segment {
            Segment::Literal(_) => 0,
            Segment::One(_) => 1,
            Segment::Rest(_) => 2,
        });
        (class, -score, kinds.collect())
    }

    /// Bytes on the heap, about.
    pub(crate) fn weight_bytes(&self) -> usize {
        let text = |segment: &Segment| match segment {
            Segment::Literal(text) | Segment::One(text) | Segment::Rest(text) => text.len(),
        };
        self.0
            .iter()
            .map(|it| size_of::<Segment>() + text(it))
            .sum()
    }
}

impl Segment {
    fn parse(name: &str) -> Self {
        let inner = |open: &str, close: &str| {
            let inner = name.strip_prefix(open)?.strip_suffix(close)?;
            (!inner.is_empty()).then_some(inner)
        };
        match (inner("[[", "]]"), inner("[", "]")) {
            (Some(rest), _) => Self::Rest(rest.into()),
            (None, Some(one)) => Self::One(one.into()),
            (None, None) => Self::Literal(name.into()),
        }
    }
}

/// What is behind the first slash, once one at the end is taken away. `None` for `/`.
fn body(path: &str) -> Option<&str> {
    let folder = path.strip_suffix('/').filter(|folder| !folder.is_empty());
    let path = folder.unwrap_or(path);
    (path != "/").then(|| path.strip_prefix('/').unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(src: &str, path: &str) -> bool {
        FilePattern::parse(src).unwrap().is_match(path)
    }

    #[test]
    fn the_documented_paths() {
        assert!(takes("/", "/"));
        assert!(!takes("/", "/x"));
        for (src, yes, no) in [
            ("/api/users/[id]", "/api/users/1024", "/api/users/vip/1024"),
            ("/api/users/[id]", "/api/users/1024/", "/api/vip/1024"),
            ("/api/[[default]]", "/api/books/list", "/v2/vip/1024"),
            ("/api/[[default]]", "/api/1024", "/api"),
            ("/api/[[default]]", "/api/1024/", "/api/"),
            ("/hello", "/hello/", "/hello//"),
            ("/hello", "/hello", "/Hello"),
            ("/[[all]]", "/x", "/"),
            ("/[a]/x/[b]", "/1/x/2", "/1/x//"),
        ] {
            assert!(takes(src, yes), "{src} {yes}");
            assert!(!takes(src, no), "{src} {no}");
        }
    }

    #[test]
    fn parameters_are_text_or_lists() {
        let params =
            |src: &'static str, path: &'static str| -> Vec<(String, ParamValue<'static>)> {
                let pattern = FilePattern::parse(src).unwrap();
                let params = pattern.params(path).into_iter();
                params
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()
            };
        let one = |name: &str, value| (name.to_owned(), ParamValue::One(value));
        assert_eq!(
            params("/api/[tenant]/items/[123]", "/api/t%20/items/7/"),
            [one("tenant", "t%20"), one("123", "7")]
        );
        assert_eq!(params("/a/[[p]]", "/a/x/"), [one("p", "x")]);
        assert_eq!(
            params("/a/[[p]]", "/a/x//y"),
            [("p".to_owned(), ParamValue::Many(vec!["x", "", "y"]))]
        );
        assert_eq!(params("/[x]/[x]", "/1/2"), [one("x", "2")]);
    }

    #[test]
    fn brackets_count_around_whole_names_only() {
        assert!(takes("/user-[id]", "/user-[id]"));
        assert!(!takes("/user-[id]", "/user-7"));
        assert!(takes("/[]", "/[]"));
        assert_eq!(
            FilePattern::parse("/[[a]]/b"),
            Err(PatternError::RestNotLast)
        );
    }
}
