//! `--name value` pairs behind a chore's name.

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::{Context, Result, bail};

/// What was given; each chore takes what it knows and refuses the rest with [`Options::finish`].
#[derive(Debug, Default)]
pub(crate) struct Options {
    given: BTreeMap<String, String>,
}

impl Options {
    /// Reads pairs; the last of a name wins.
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut given = BTreeMap::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").with_context(|| {
                format!("`{word}` is not an option; options are `--name value`")
            })?;
            let value = words
                .next()
                .with_context(|| format!("--{name} wants a value"))?;
            given.insert(name.to_owned(), (*value).to_owned());
        }
        Ok(Self { given })
    }

    /// Takes an option. `None` when it was not given.
    pub(crate) fn take<T: FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.given.remove(name) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => bail!("--{name} cannot be `{value}`"),
        }
    }

    /// Takes an option with a default.
    pub(crate) fn take_or<T: FromStr>(&mut self, name: &str, default: T) -> Result<T> {
        Ok(self.take(name)?.unwrap_or(default))
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<()> {
        match self.given.into_keys().next() {
            Some(unknown) => bail!("there is no option --{unknown} here"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn takes_what_is_known_and_refuses_the_rest() {
        let mut options = Options::parse(&["--rounds", "3", "--seed", "x"]).unwrap();
        assert_eq!(options.take::<u32>("rounds").unwrap(), Some(3));
        assert_eq!(options.take_or("other", 7).unwrap(), 7);
        assert!(options.take::<u32>("seed").is_err());
        let rest = Options::parse(&["--typo", "1"]).unwrap();
        assert!(rest.finish().unwrap_err().to_string().contains("--typo"));
        assert!(Options::parse(&["word"]).is_err());
        assert!(Options::parse(&["--lonely"]).is_err());
    }
}
