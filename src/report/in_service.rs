//! What serving by the weights takes, in words: speed, room, outage, money.

use super::model::{Money, Outage, Room, RunReport};
use super::number::{currency, dollars, grouped, money, percent, seconds, share};
use super::text::escape_control;
use crate::units::prose::join_and;

/// A line of it: its name and what it says.
pub(super) type Line = (&'static str, String);

/// First tokens before and after: `first token p95 640 → 410 ms at mini@azure; you allow 800.`
pub(super) fn speed(report: &RunReport) -> Option<Line> {
    let speed = report.service.speed.as_ref()?;
    let name = report.names.short(&speed.endpoint);
    let (before, after, unit) = if speed.before_s < 1.0 && speed.after_s < 1.0 {
        let ms = |seconds: f64| grouped(libm::round(seconds * 1e3));
        (ms(speed.before_s), ms(speed.after_s), "ms")
    } else {
        (seconds(speed.before_s), seconds(speed.after_s), "s")
    };
    let allowed = report.objective.slo.map(|slo| {
        let limit = if unit == "ms" { grouped(slo.ttft_ms) } else { seconds(slo.ttft_ms / 1e3) };
        format!("; you allow {limit}")
    });
    let allowed = allowed.unwrap_or_default();
    Some(("Speed", format!("first token p95 {before} → {after} {unit} at {name}{allowed}.")))
}

/// What the endpoint with the least room gets in the busiest minute.
pub(super) fn room(report: &RunReport) -> Option<Line> {
    let first = report.service.room.first()?;
    Some(("Room", room_of(report, first)))
}

/// The same of every endpoint that traffic moves to.
pub(super) fn rooms(report: &RunReport) -> Vec<String> {
    report.service.room.iter().map(|room| room_of(report, room)).collect()
}

fn room_of(report: &RunReport, room: &Room) -> String {
    let name = report.names.short(&room.endpoint);
    let limits: Vec<String> = [
        room.requests_limit.map(|limit| format!("{} requests", grouped(f64::from(limit)))),
        room.tokens_limit.map(|limit| format!("{} tokens", millions(limit as f64))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let verb = if limits.len() == 1 { "limit is" } else { "limits are" };
    let limits = join_and(&limits.iter().map(String::as_str).collect::<Vec<_>>());
    let Some(requests) = room.requests else {
        return if limits.is_empty() {
            format!("{name}'s limits are not known.")
        } else {
            format!(
                "{name}'s {verb} {limits} a minute; your peak is not known: [traffic] \
                 peak_requests_per_min"
            )
        };
    };
    let tokens = room.tokens.map(|tokens| format!(", {} tokens", millions(tokens)));
    let limits = if limits.is_empty() {
        "its limits are not known".to_owned()
    } else {
        format!("its {verb} {limits}")
    };
    format!(
        "at your peak {name} gets {} requests{} a minute; {limits}. Not load-tested: weighbridge \
         load --rate {}",
        grouped(libm::ceil(requests)),
        tokens.unwrap_or_default(),
        libm::ceil(requests / 6.0) / 10.0
    )
}

/// `1.1 M`, `890`.
fn millions(count: f64) -> String {
    if count < 99_950.0 { grouped(count) } else { format!("{:.1} M", count / 1e6) }
}

/// The outage that does the most harm: `azure down: pro@gcp serves all, quality 91.0, $10.81 per 1,000
/// (+11 %), p95 1.1 s.`
pub(super) fn outage(report: &RunReport) -> Option<Line> {
    let outage = report.service.outage.as_ref()?;
    let facts = outage_facts(report, outage, true);
    Some(("Outage", format!("{} down: {facts}.", escape_control(&outage.provider))))
}

/// The same on one line of the demo's screen.
pub(super) fn brief_outage(report: &RunReport) -> Option<String> {
    let outage = report.service.outage.as_ref()?;
    let facts = outage_facts(report, outage, false);
    Some(format!("Outage {} down: {facts}", escape_control(&outage.provider)))
}

fn outage_facts(report: &RunReport, outage: &Outage, is_whole: bool) -> String {
    let who = match outage.takes_over.as_slice() {
        [] => return format!("nothing serves {} of the traffic", share(outage.unserved)),
        [only] => format!("{} serves", report.names.short(only)),
        [first, more @ ..] => format!("{} +{} serve", report.names.short(first), more.len()),
    };
    let served = if outage.unserved > 0.0 {
        format!("{who}, {} of the traffic is lost", share(outage.unserved))
    } else {
        format!("{who} all")
    };
    let quality = outage.quality.map(|quality| format!("quality {}", percent(quality)));
    let cost = outage.cost_per_task.map(|cost| {
        let per = format!("{} per 1,000", currency(&dollars(cost * 1e3)));
        let more = outage.usual_cost_per_task.filter(|usual| is_whole && *usual > 0.0);
        match more.map(|usual| cost / usual - 1.0) {
            Some(more) if more > 9.0 => format!("{per} ({} times as much)", grouped(1.0 + more)),
            Some(more) => format!("{per} ({})", signed_percent(more)),
            None => per,
        }
    });
    let p95 = outage.p95_s.filter(|_| is_whole).map(|p95| format!("p95 {} s", seconds(p95)));
    let facts: Vec<String> = [Some(served), quality, cost, p95].into_iter().flatten().collect();
    facts.join(", ")
}

/// What the dollars rest on, and how far they are off the invoice.
pub(super) fn money_line(report: &RunReport) -> Option<Line> {
    let found = report.service.money.as_ref()?;
    let tokens = match found.at_suite.as_slice() {
        [] => {
            let cached = found.cached.map_or_else(String::new, |cached| {
                format!(", {} of the input cached", share(cached))
            });
            format!("the catalog's prices, tokens of your traffic{cached}")
        }
        _ if found.is_all_suite => "the catalog's prices, tokens: the suite's".to_owned(),
        names => {
            let names: Vec<String> =
                names.iter().map(|name| escape_control(name).into_owned()).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("the catalog's prices, tokens: the suite's in {}", join_and(&names))
        }
    };
    Some(("Money", format!("{tokens}{}.", invoice(found))))
}

fn invoice(found: &Money) -> String {
    let Some((invoice, off)) = found.invoice else { return String::new() };
    let invoice = money(invoice);
    match off {
        None => format!("; nothing to hold against the invoice of {invoice}"),
        Some(off) if found.fits() => format!(
            "; counted this way, the invoice of {invoice} comes out {}",
            signed_percent(off)
        ),
        Some(off) => format!(
            "; counted this way, the invoice of {invoice} comes out {}, so no dollars a month are \
             shown: give [traffic] input_tokens and output_tokens, or check its prices",
            signed_percent(off)
        ),
    }
}

/// `+4 %`, `−0.5 %`.
fn signed_percent(change: f64) -> String {
    let size = share(change.abs());
    if change < 0.0 { format!("−{size}") } else { format!("+{size}") }
}
