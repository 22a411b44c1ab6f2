//! A series of measurements and what is read from it.

/// Measurements in one unit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    values: Vec<f64>,
}

impl Series {
    /// Adds a measurement.
    pub(crate) fn push(&mut self, value: f64) {
        self.values.push(value);
        self.values.sort_by(f64::total_cmp);
    }

    /// The value that this share of the measurements does not exceed (nearest rank). 0 when empty.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.values.len() * percent).div_ceil(100).max(1);
        self.values.get(rank - 1).copied().unwrap_or(0.0)
    }

    /// The middle one.
    pub(crate) fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// The largest.
    pub(crate) fn max(&self) -> f64 {
        self.percentile(100)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Series;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let mut series = Series::default();
        assert_eq!(series.median().to_bits(), 0.0_f64.to_bits());
        for value in (1..=20).rev() {
            series.push(f64::from(value));
        }
        let read = [50, 95, 100].map(|percent| format!("{}", series.percentile(percent)));
        assert_eq!(read, ["10", "19", "20"]);
        assert_eq!(series.count(), 20);
    }
}
