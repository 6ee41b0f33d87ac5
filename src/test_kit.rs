//! Records with usual values, for unit tests of every folder.

use std::collections::BTreeMap;

use crate::catalog::{DataPolicy, Dialect, Endpoint, HttpVersion, Limits, Price, Provider};
use crate::units::{
    CacheMode, EndpointId, Goal, Judging, Manifest, RunEnding, Validity, ValidityMark,
};

/// A provider on this machine that nothing answers for.
pub(crate) fn provider(name: &str) -> Provider {
    Provider {
        name: name.to_owned(),
        dialect: Dialect::OpenaiChat,
        base_url: "http://127.0.0.1:1/v1".to_owned(),
        api_key_env: None,
        api_key_cmd: None,
        http: HttpVersion::Http1,
        headers: BTreeMap::new(),
        ca_file: None,
        router: None,
        data_policy: DataPolicy::default(),
        concurrency: None,
    }
}

/// A free endpoint of [`provider`] without limits.
pub(crate) fn endpoint(model: &str, provider_name: &str) -> Endpoint {
    Endpoint {
        id: EndpointId::new(model, provider_name, None),
        model: model.to_owned(),
        provider: provider(provider_name),
        upstream_model: model.to_owned(),
        price: Price::Free,
        context_window: None,
        max_output: None,
        limits: Limits::default(),
        supports: None,
        variant: None,
        params: serde_json::Map::new(),
        system: None,
        stream: true,
        request_form: crate::catalog::RequestForm::default(),
    }
}

/// The goal `cheaper` with a margin of two points, and nothing stated about today.
pub(crate) fn judging() -> Judging {
    Judging {
        today: None,
        shares: BTreeMap::new(),
        requests_per_month: None,
        cached_input: None,
        goal: Goal::Cheaper,
        margin: 0.02,
        margins: BTreeMap::new(),
        worth: None,
        traffic: BTreeMap::new(),
        invoice: None,
        slo: None,
        max_share_provider: None,
    }
}

/// A run in real time that has not ended.
pub(crate) fn manifest(name: &str) -> Manifest {
    Manifest {
        run: "r1".to_owned(),
        name: name.to_owned(),
        version: "0.1.0".to_owned(),
        seed: 1,
        virtual_time: false,
        demo: false,
        started_at: "2026-01-01T00:00:00Z".to_owned(),
        repeats: 1,
        suites: Vec::new(),
        plan_hash: String::new(),
        prices_hash: "5f0c".repeat(16),
        judging: judging(),
        notes: Vec::new(),
        load: None,
        calibration: None,
        embedded: false,
        skills: BTreeMap::new(),
        cache: CacheMode::AsIs,
        shard: None,
        imported: None,
        ended: None,
    }
}

/// The complete ending of a run of 5 ns.
pub(crate) fn run_ending(mark: ValidityMark) -> RunEnding {
    RunEnding {
        complete: true,
        why: None,
        validity: Validity { mark, reasons: Vec::new(), lag_p99_us: None, io_cpu_peak: None },
        duration_ns: 5,
        waited_ns: 0,
        paced: Vec::new(),
        unknown_events: BTreeMap::new(),
        notes: Vec::new(),
        usage_faults: BTreeMap::new(),
    }
}
