//! What is compared with what, and how it ought to come out.

use super::subjects::{Subject, Way};

/// Two ways to start a subject, and what is wanted of the ratio of their CPU times.
pub(super) struct Comparison {
    pub(super) ours: Way,
    pub(super) beside: Way,
    pub(super) aim: Option<Aim>,
}

/// A bound for a ratio.
#[derive(Clone, Copy)]
pub(super) enum Aim {
    Below(f64),
    AtMost(f64),
    AtLeast(f64),
}

impl Aim {
    pub(super) fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::Below(bound) => ratio < bound,
            Self::AtMost(bound) => ratio <= bound,
            Self::AtLeast(bound) => ratio >= bound,
        }
    }
}

impl std::fmt::Display for Aim {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Below(bound) => write!(out, "below {bound}"),
            Self::AtMost(bound) => write!(out, "at most {bound}"),
            Self::AtLeast(bound) => write!(out, "at least {bound}"),
        }
    }
}

/// The comparisons of a subject, those with an aim first.
pub(super) fn comparisons(subject: &Subject) -> Vec<Comparison> {
    // Against a Python that does nothing, a program that does something has nothing to aim at.
    let for_nothing = |bound| (subject.name == "hello").then_some(Aim::AtMost(bound));
    let mut comparisons = [
        (Way::PackLater, Way::Python, Some(Aim::Below(1.0))),
        (Way::PackFirst, Way::OneFolder, Some(Aim::AtMost(1.0))),
        (Way::PackLater, Way::Floor, for_nothing(1.1)),
        (Way::PackFirst, Way::Floor, for_nothing(2.5)),
        (Way::FolderFirst, Way::OneFolder, Some(Aim::AtMost(1.0))),
        (Way::FolderLater, Way::OneFolder, Some(Aim::AtMost(1.0))),
        (Way::PackLater, Way::OneFolder, None),
        (Way::PackLater, Way::OneFileLater, None),
        (Way::PackFirst, Way::OneFileFirst, None),
    ]
    .map(|(ours, beside, aim)| Comparison { ours, beside, aim });
    comparisons.sort_by_key(|comparison| comparison.aim.is_none());
    comparisons.into()
}

#[cfg(test)]
mod tests {
    use super::super::subjects::SUBJECTS;
    use super::*;

    #[test]
    fn a_bound_is_met_up_to_it_or_only_below() {
        assert!(Aim::AtMost(1.0).is_met(1.0));
        assert!(!Aim::AtMost(1.0).is_met(1.001));
        assert!(!Aim::Below(1.0).is_met(1.0));
        assert!(!Aim::Below(1.0).is_met(f64::NAN) && !Aim::AtMost(1.0).is_met(f64::NAN));
        assert_eq!(Aim::AtMost(2.5).to_string(), "at most 2.5");
    }

    #[test]
    fn every_subject_has_the_four_aims_of_all_and_hello_two_more() {
        for subject in &SUBJECTS {
            let comparisons = comparisons(subject);
            let aims = comparisons
                .iter()
                .take_while(|comparison| comparison.aim.is_some());
            let wanted = if subject.name == "hello" { 6 } else { 4 };
            assert_eq!(aims.count(), wanted, "{}", subject.name);
        }
    }
}
