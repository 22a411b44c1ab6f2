//! Where randomness comes from.

/// The one source of randomness, handed in so that tests can seed it.
pub trait Entropy: Send + Sync + std::fmt::Debug {
    /// Fills the buffer with bytes that nobody can predict (in production: the operating system's).
    fn fill(&self, buffer: &mut [u8]);
}
