//! What the providers said of the trials that failed.

use serde::Serialize;

use crate::aggregate;
use crate::report::remedy::remedy;
use crate::report::text::{escape_control, fit_end, provider_words, sentence};
use crate::units::EndpointId;

/// The failed trials of one endpoint whose last failure is of one class. Its texts are escaped.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Failure {
    pub endpoint: EndpointId,
    /// As in `trials.csv`.
    pub class: &'static str,
    pub trials: u64,
    /// `None`: no response head came.
    pub http_status: Option<u16>,
    /// What was said of one of them; `None`: nothing, or the run keeps no content.
    pub words: Option<String>,
    /// Where it was asked, without query and key.
    pub url: String,
    /// What to try.
    pub remedy: Option<String>,
}

impl Failure {
    pub(super) fn new(found: &aggregate::Failure) -> Self {
        let words = found.words.as_deref();
        Self {
            endpoint: found.endpoint.clone(),
            class: found.class.name(),
            trials: found.trials,
            http_status: found.http_status,
            words: words.map(provider_words),
            url: escape_control(&found.target.url).into_owned(),
            remedy: remedy(found.class, words, &found.target).map(|text| sentence(&text)),
        }
    }

    /// `“HTTP 404: Not Found” at https://…`, or the status alone where no words are kept; at most so
    /// many columns of words.
    pub(crate) fn said(&self, most: usize) -> String {
        match (&self.words, self.http_status) {
            (Some(words), _) => format!("“{}” at {}", fit_end(words, most), self.url),
            (None, Some(status)) => format!("HTTP {status} at {}", self.url),
            (None, None) => format!("{} at {}", self.class, self.url),
        }
    }
}
