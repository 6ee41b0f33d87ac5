//! Classification under stated rules: four schemes of labels, twelve texts each, all written by
//! hand so that the obvious word often points to the wrong label.

use serde_json::json;

use crate::folder::{Suite, Task};

/// A scheme: its name, the instruction, the labels, and the texts with their right label and the
/// tempting one.
struct Scheme {
    name: &'static str,
    instruction: &'static str,
    labels: &'static [&'static str],
    texts: &'static [(&'static str, &'static str, &'static str)],
}

/// One task of each text.
pub fn suite() -> Suite {
    let mut tasks = Vec::new();
    for scheme in [ROUTE, STANCE, SEVERITY, SUPPORT] {
        for (n, &(text, right, wrong)) in scheme.texts.iter().enumerate() {
            let id = format!("{}-{}", scheme.name, n + 1);
            for label in [right, wrong] {
                assert!(scheme.labels.contains(&label), "{id}: {label} is no label");
            }
            assert_ne!(right, wrong, "{id}: the wrong label must be wrong");
            tasks.push(Task {
                id,
                tags: vec![scheme.name.to_owned()],
                prompt: Some(format!(
                    "{}\nLabels: {}\n\n{text}",
                    scheme.instruction,
                    scheme.labels.join(", ")
                )),
                reference: json!([right, format!("{right}.")]),
                answer: Some(json!(right)),
                wrong: json!(wrong),
                ..Task::default()
            });
        }
    }
    Suite {
        name: "classify",
        description: "Labels for short texts under stated rules, with misleading words.",
        grader: "{ kind = \"one_of\", ignore_case = true }",
        prompt: Some("{{ prompt }}\n\nAnswer with the label alone.\n"),
        max_tokens: None,
        tasks,
    }
}

const ROUTE: Scheme = Scheme {
    name: "route",
    instruction: "Route this message to the team that must act next. billing: charges, refunds, \
        invoices. access: signing in, passwords, permissions. bug: something that used to work or \
        ought to work does not. feature: a wish for something that does not exist. sales: questions \
        before a purchase or an upgrade. none: nobody has to act.",
    labels: &["billing", "access", "bug", "feature", "sales", "none"],
    texts: &[
        (
            "I was charged twice since the crash last week. The crash itself is gone, thanks.",
            "billing",
            "bug",
        ),
        (
            "Would the team plan let us add guests? We are on the single plan and would pay for more.",
            "sales",
            "feature",
        ),
        (
            "The reset link lands on a page that says my account is fine. It is not: I cannot get in.",
            "access",
            "bug",
        ),
        (
            "Please ignore my last mail about the missing invoice, it was in the spam folder.",
            "none",
            "billing",
        ),
        ("It would be lovely if the export button also made spreadsheets.", "feature", "bug"),
        ("The export button makes empty files since Tuesday.", "bug", "feature"),
        (
            "My colleague left. Her folders are still hers and I get \"not allowed\" on all of them.",
            "access",
            "bug",
        ),
        (
            "Your new price page lists a discount for schools. Which papers would you need before we order?",
            "sales",
            "billing",
        ),
        ("Dark mode at last! I had asked for it three times. You are the best.", "none", "feature"),
        (
            "The total on the invoice is right but our tax number on it is not. Can you issue it again?",
            "billing",
            "bug",
        ),
        (
            "Search finds nothing with an umlaut in it, although the help page shows just such an example.",
            "bug",
            "feature",
        ),
        (
            "I know that one cannot sort by colour today. I would use it daily if one could.",
            "feature",
            "bug",
        ),
    ],
};

const STANCE: Scheme = Scheme {
    name: "stance",
    instruction: "What does this review say of the SERVICE (the staff), whatever it says of food, rooms \
        or prices? mixed: both good and bad of the service. absent: nothing of the service.",
    labels: &["positive", "negative", "mixed", "absent"],
    texts: &[
        (
            "The soup was cold, the bill a cheek, but the waiter made up for a lot with his patience.",
            "positive",
            "mixed",
        ),
        (
            "Superb dumplings. We would have liked to order more of them, had anyone looked our way in an hour.",
            "negative",
            "positive",
        ),
        ("Lovely terrace, huge portions, fair prices. We will be back.", "absent", "positive"),
        (
            "At the desk they were charming; the cleaning crew walked in on us twice without a knock.",
            "mixed",
            "positive",
        ),
        (
            "If you enjoy being sighed at for asking for salt, this is your place.",
            "negative",
            "positive",
        ),
        (
            "Not once did we have to ask for water. The room was the size of a wardrobe, though.",
            "positive",
            "negative",
        ),
        ("The pillows were like bricks and the tap dripped until four.", "absent", "negative"),
        (
            "I expected the worst after the other reviews, and found nobody rude at all; quite the contrary.",
            "positive",
            "negative",
        ),
        (
            "They forgot our order, then remembered it with a free dessert and an honest apology.",
            "mixed",
            "negative",
        ),
        (
            "Five stars for the view. The lady who brought the coffee spilled it, and then told us off.",
            "negative",
            "positive",
        ),
        ("The menu has not changed for years, and neither have the tables.", "absent", "negative"),
        (
            "Our host could not have been kinder. His son, who served at night, could have been, easily.",
            "mixed",
            "positive",
        ),
    ],
};

const SEVERITY: Scheme = Scheme {
    name: "severity",
    instruction: "Give the report its severity. S1: people may come to harm, or data is lost for good. \
        S2: more than half of the users cannot do their main work, and there is no way round it. \
        S3: some users are hindered, or there is a way round. S4: looks or wording only. If two fit, \
        the lower number counts.",
    labels: &["S1", "S2", "S3", "S4"],
    texts: &[
        (
            "Nobody in either of our two offices can place orders. Entering them on paper is not allowed.",
            "S2",
            "S3",
        ),
        ("All users see a crash at start; starting a second time works.", "S3", "S2"),
        (
            "The word \"recieve\" stands in red capitals on the start page that all customers see.",
            "S4",
            "S2",
        ),
        (
            "The dose calculator rounds half a millilitre up to a whole one. One nurse has noticed so far.",
            "S1",
            "S3",
        ),
        (
            "The nightly job deleted eleven photos of one user. There is no backup of them.",
            "S1",
            "S3",
        ),
        (
            "The nightly job deleted all photos of all users. They are back from the backup since six.",
            "S3",
            "S1",
        ),
        ("One of our forty clerks cannot print at all.", "S3", "S2"),
        (
            "Thirty of forty clerks cannot print, and printing is what they do all day. Other printers: none.",
            "S2",
            "S3",
        ),
        ("On small screens the logo covers a part of the background picture.", "S4", "S3"),
        (
            "The lift's display shows the wrong floor, and the doors open between floors now and then.",
            "S1",
            "S4",
        ),
        ("Every fourth user is logged out each minute and can hardly work.", "S3", "S2"),
        ("The panic button in the app is grey where it ought to be red; it works.", "S4", "S1"),
    ],
};

const SUPPORT: Scheme = Scheme {
    name: "support",
    instruction: "Does the note support the claim? supported: the claim must be true if the note is. \
        contradicted: the claim must be false if the note is true. open: neither.",
    labels: &["supported", "contradicted", "open"],
    texts: &[
        (
            "Note: All but two of the nine boats were back by dusk.\nClaim: Seven boats were back by dusk.",
            "supported",
            "contradicted",
        ),
        (
            "Note: The mill closed in 1911, eight years after the fire.\nClaim: The fire was in 1919.",
            "contradicted",
            "supported",
        ),
        (
            "Note: Most members voted for the new roof.\nClaim: Some members voted against the new roof.",
            "open",
            "supported",
        ),
        (
            "Note: Tove is taller than Samir, and Samir is not taller than Quinn.\nClaim: Tove is taller than Quinn.",
            "open",
            "supported",
        ),
        (
            "Note: No one who paid late got a seat. Uma got a seat.\nClaim: Uma did not pay late.",
            "supported",
            "open",
        ),
        (
            "Note: The museum is closed on Mondays, except in July.\nClaim: The museum is open on every Monday in July.",
            "supported",
            "open",
        ),
        (
            "Note: The ferry runs only if the wind is below force 7. Today it is force 5.\nClaim: The ferry runs today.",
            "open",
            "supported",
        ),
        (
            "Note: Neither of the two sisters has been to Oslo.\nClaim: One of the two sisters has been to Oslo.",
            "contradicted",
            "open",
        ),
        (
            "Note: The shop sold 40 lamps in May, a third more than in April.\nClaim: It sold 30 lamps in April.",
            "supported",
            "contradicted",
        ),
        (
            "Note: The witness did not say that the car was blue.\nClaim: The car was not blue.",
            "open",
            "contradicted",
        ),
        (
            "Note: At least three of the five judges must agree. Two of them are against.\nClaim: The motion can no longer pass.",
            "contradicted",
            "supported",
        ),
        (
            "Note: Farid stopped smoking before he moved to Lyon, where he has lived for ten years.\nClaim: Farid stopped smoking at least ten years ago.",
            "supported",
            "open",
        ),
    ],
};
