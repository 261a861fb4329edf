//! The story of a request that came near, for the first line of a failure.

use crate::{
    brief::cut,
    criteria::{Finding, Verdict},
    journal::{Answerer, NearRequest},
};

impl NearRequest {
    /// Whether all criteria hold: then somebody else has answered it.
    pub(super) fn fits(&self) -> bool {
        let mut verdicts = self.criteria.iter().map(|finding| finding.verdict);
        verdicts.all(|verdict| verdict == Verdict::Holds)
    }

    /// What became of it, or what is different about it, as the end of a sentence.
    pub(super) fn story(&self) -> String {
        let request = format!("#{} {} {}", self.id, self.verb, cut(&self.target, 60));
        if self.fits() {
            return match &self.answered_by {
                Answerer::Rule(rule, _) => format!("{request} went to {}", cut(rule, 60)),
                other => format!("{request} fits, but: {other}"),
            };
        }
        let mut odd = self
            .criteria
            .iter()
            .filter(|one| one.verdict != Verdict::Holds);
        let (first, second, more) = (odd.next(), odd.next(), odd.count());
        let what = match (first, second) {
            (Some(only), None) => only.told(),
            (Some(first), Some(second)) if more == 0 => {
                format!("{} and {} differ", first.place(), second.place())
            }
            (Some(first), Some(second)) => {
                format!(
                    "{}, {} and {more} more differ",
                    first.place(),
                    second.place()
                )
            }
            (None, _) => "nothing differs".to_owned(),
        };
        format!("{request}: {what}")
    }
}

impl Finding {
    /// What it is about, and where a body differs.
    fn place(&self) -> String {
        let about = &self.about;
        match self.differences.as_slice() {
            [] => about.clone(),
            [one] if one.pointer.is_empty() => about.clone(),
            [one] => format!("{about} {}", one.pointer),
            [one, two] => format!("{about} {} and {}", one.pointer, two.pointer),
            [one, two, more @ ..] => {
                format!(
                    "{about} {}, {} and {} more",
                    one.pointer,
                    two.pointer,
                    more.len()
                )
            }
        }
    }

    /// The same, with what is there instead.
    fn told(&self) -> String {
        let place = self.place();
        let said = match (self.differences.as_slice(), &self.got) {
            ([one], _) => {
                format!("want {}, got {}", cut(&one.want, 40), cut(&one.got, 40))
            }
            (_, Some(got)) if got == "nothing" => "got nothing".to_owned(),
            (_, Some(got)) => match &self.hint {
                Some(hint) => format!("{}, {hint}", cut(got, 60)),
                None => format!("got {}", cut(got, 60)),
            },
            _ => {
                let several = self.differences.len() > 1;
                return format!("{place} {}", if several { "differ" } else { "differs" });
            }
        };
        format!("{place} differs ({said})")
    }
}
