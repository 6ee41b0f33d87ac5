//! `--shard`: which part of a plan this process takes.

use crate::plan::{ParseShardError, Shard};

/// Slurm's variables for a task of an array: its id, the lowest id, the step between ids, and the
/// number of tasks.
const SLURM: [&str; 4] = [
    "SLURM_ARRAY_TASK_ID",
    "SLURM_ARRAY_TASK_MIN",
    "SLURM_ARRAY_TASK_STEP",
    "SLURM_ARRAY_TASK_COUNT",
];
/// Kubernetes' variable for a pod of an Indexed Job: its index, from 0.
const KUBERNETES: &str = "JOB_COMPLETION_INDEX";
/// The number of pods, which Kubernetes does not set: the job's manifest must.
const COMPLETIONS: &str = "JOB_COMPLETIONS";

/// Reads `k/n`, or `env` for the variables of the scheduler. Without `env` they are ignored: a run
/// inside such a job measures the whole plan.
pub(super) fn shard(flag: &str) -> Result<Shard, String> {
    match flag {
        "env" => from_scheduler(|name| std::env::var(name).ok()),
        text => text.parse().map_err(|error: ParseShardError| error.to_string()),
    }
}

fn from_scheduler(variable: impl Fn(&str) -> Option<String>) -> Result<Shard, String> {
    let number = |name: &str| -> Result<Option<u32>, String> {
        let Some(text) = variable(name) else { return Ok(None) };
        let wrong = || format!("{name} is {text:?}, not a number");
        text.trim().parse().map(Some).map_err(|_| wrong())
    };
    let [id, least, step, count] = SLURM;
    if let (Some(id), Some(n)) = (number(id)?, number(count)?) {
        // Ids of an array start anywhere and may leave gaps: `--array=3-9:2`.
        let (least, step) = (number(least)?.unwrap_or(0), number(step)?.unwrap_or(1).max(1));
        let k = id.checked_sub(least).map(|above| above / step + 1);
        return k
            .and_then(|k| Shard::new(k, n))
            .ok_or_else(|| format!("task {id} is not one of {n} that start at {least}"));
    }
    match (number(KUBERNETES)?, number(COMPLETIONS)?) {
        (Some(index), Some(n)) => Shard::new(index.saturating_add(1), n)
            .ok_or_else(|| format!("{KUBERNETES} {index} is not below {COMPLETIONS} {n}")),
        (Some(_), None) => Err(format!(
            "{KUBERNETES} is set, {COMPLETIONS} is not: set it to the job's \
             completions in the pod template"
        )),
        _ => Err(format!(
            "neither {} with {} nor {KUBERNETES} with {COMPLETIONS} is set; write \
             --shard k/n",
            SLURM[0], SLURM[3]
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(environment: &[(&str, &str)], expected: Result<(u32, u32), &str>) {
        let variable = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        match (from_scheduler(variable), expected) {
            (Ok(shard), Ok(expected)) => assert_eq!((shard.k, shard.n), expected),
            (Err(said), Err(part)) => assert!(said.contains(part), "{said}"),
            (Ok(shard), Err(part)) => panic!("{shard} where {part:?} was expected"),
            (Err(error), Ok(_)) => panic!("{error}"),
        }
    }

    #[test]
    fn what_slurm_says() {
        let array = |id, min, step, count| {
            let values = [id, min, step, count];
            SLURM.into_iter().zip(values).collect::<Vec<(&str, &str)>>()
        };
        check(&array("0", "0", "1", "4"), Ok((1, 4)));
        check(&array("7", "4", "1", "4"), Ok((4, 4)));
        check(&array("9", "3", "2", "4"), Ok((4, 4)));
        check(&array("8", "4", "1", "4"), Err("not one of 4"));
        check(&array("3", "4", "1", "4"), Err("not one of 4"));
        check(&array("x", "4", "1", "4"), Err("not a number"));
    }

    #[test]
    fn what_kubernetes_says() {
        check(&[(KUBERNETES, "0"), (COMPLETIONS, "3")], Ok((1, 3)));
        check(&[(KUBERNETES, "2"), (COMPLETIONS, "3")], Ok((3, 3)));
        check(&[(KUBERNETES, "3"), (COMPLETIONS, "3")], Err("is not below"));
        check(&[(KUBERNETES, "3")], Err("JOB_COMPLETIONS is not"));
        check(&[], Err("write --shard k/n"));
    }
}
