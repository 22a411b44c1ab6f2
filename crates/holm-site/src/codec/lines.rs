//! What format 2 of a document adds behind format 1: the lines of `_redirects` and the blocks of `_headers`.

use serde::{Deserialize, Serialize};

use super::NotAWord;
use super::document::{WireOrigin, from_wire, to_wire};
use crate::{HeaderBlock, LineAction, RedirectLine, Rules};

#[derive(Default, Serialize, Deserialize)]
pub(super) struct WireLines<'b> {
    #[serde(borrow)]
    redirects: Vec<WireRedirect<'b>>,
    #[serde(borrow)]
    blocks: Vec<WireBlock<'b>>,
}

#[derive(Serialize, Deserialize)]
struct WireRedirect<'b> {
    source: &'b str,
    destination: &'b str,
    status: u16,
    /// 0: a redirect; 1: a file, after what is there; 2: a file, before what is there.
    action: u8,
    #[serde(borrow)]
    origin: WireOrigin<'b>,
}

#[derive(Serialize, Deserialize)]
struct WireBlock<'b> {
    #[serde(borrow)]
    host: Option<&'b str>,
    source: &'b str,
    #[serde(borrow)]
    set: Vec<(&'b str, &'b str)>,
    #[serde(borrow)]
    unset: Vec<&'b str>,
    #[serde(borrow)]
    origin: WireOrigin<'b>,
}

impl<'d> From<&'d Rules> for WireLines<'d> {
    fn from(rules: &'d Rules) -> Self {
        let redirects = rules.redirect_lines.iter().map(|line| {
            let (status, action) = match line.action {
                LineAction::Redirect(status) => (status, 0),
                LineAction::Serve { status, is_forced } => (status, 1 + u8::from(is_forced)),
            };
            WireRedirect {
                source: &line.source,
                destination: &line.destination,
                status,
                action,
                origin: to_wire(&line.origin),
            }
        });
        let blocks = rules.header_blocks.iter().map(|block| {
            let set = block.set.iter().map(|(name, value)| (&**name, &**value));
            WireBlock {
                host: block.host.as_deref(),
                source: &block.source,
                set: set.collect(),
                unset: block.unset.iter().map(|name| &**name).collect(),
                origin: to_wire(&block.origin),
            }
        });
        Self {
            redirects: redirects.collect(),
            blocks: blocks.collect(),
        }
    }
}

impl WireLines<'_> {
    /// Puts what was read into the rules of format 1.
    pub(super) fn add_to(self, rules: &mut Rules) -> Result<(), NotAWord> {
        let redirects = self.redirects.into_iter().map(RedirectLine::try_from);
        rules.redirect_lines = redirects.collect::<Result<_, _>>()?;
        rules.header_blocks = self.blocks.into_iter().map(HeaderBlock::from).collect();
        Ok(())
    }
}

impl TryFrom<WireRedirect<'_>> for RedirectLine {
    type Error = NotAWord;

    fn try_from(wire: WireRedirect<'_>) -> Result<Self, NotAWord> {
        Ok(Self {
            source: wire.source.into(),
            destination: wire.destination.into(),
            action: match wire.action {
                0 => LineAction::Redirect(wire.status),
                forced @ (1 | 2) => LineAction::Serve {
                    status: wire.status,
                    is_forced: forced == 2,
                },
                _ => return Err(NotAWord),
            },
            origin: from_wire(wire.origin),
        })
    }
}

impl From<WireBlock<'_>> for HeaderBlock {
    fn from(wire: WireBlock<'_>) -> Self {
        let set = wire.set.into_iter();
        Self {
            host: wire.host.map(Into::into),
            source: wire.source.into(),
            set: set
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            unset: wire.unset.into_iter().map(Into::into).collect(),
            origin: from_wire(wire.origin),
        }
    }
}
