//! Medians and ratios for a person, and a line of JSON for each figure for a program.

use serde_json::json;

use super::Suite;
use super::runner::{Contestant, Figures, Runs};

/// A figure: its name on the line of JSON, its unit, and how it follows from what a program has reported.
struct Figure {
    name: &'static str,
    unit: &'static str,
    of: fn(&Figures) -> Option<f64>,
}

const MEMORY: Figure = Figure { name: "peak_memory", unit: "MB", of: |f| Some(f.get("peak_kb")? / 1024.0) };
const CPU: Figure = Figure { name: "cpu", unit: "ms", of: |f| Some(1e3 * f.get("cpu_s")?) };

fn figures(suite: Suite) -> Vec<Figure> {
    match suite {
        Suite::Terminal | Suite::History | Suite::Lsp | Suite::Bindings => Vec::new(),
        Suite::Stream => vec![
            Figure {
                name: "events_per_second",
                unit: "/s",
                of: |f| Some(f.get("count")? / f.get("wall_s")?),
            },
            CPU,
            MEMORY,
            Figure { name: "events", unit: "", of: |f| f.get("count").copied() },
            Figure { name: "lost", unit: "", of: |f| f.get("lost").copied() },
            Figure {
                name: "memory_growth",
                unit: "MB",
                of: |f| Some((f.get("rss_late_kb")? - f.get("rss_early_kb")?) / 1024.0),
            },
        ],
        Suite::Latency => vec![
            Figure { name: "latency_p50", unit: "µs", of: |f| f.get("p50_us").copied() },
            Figure { name: "latency_p99", unit: "µs", of: |f| f.get("p99_us").copied() },
            CPU,
            MEMORY,
        ],
        Suite::Rest => vec![
            Figure {
                name: "cpu_per_call",
                unit: "µs",
                of: |f| Some(1e6 * f.get("cpu_s")? / f.get("count")?),
            },
            Figure {
                name: "wall_per_call",
                unit: "µs",
                of: |f| Some(1e6 * f.get("wall_s")? / f.get("count")?),
            },
            MEMORY,
        ],
        Suite::Store => store(),
        Suite::Plugins => plugins(),
        Suite::Start => {
            vec![Figure { name: "wall", unit: "ms", of: |f| Some(1e3 * f.get("process_s")?) }, MEMORY]
        }
    }
}

fn store() -> Vec<Figure> {
    let said = |name, unit, of| Figure { name, unit, of };
    vec![
        said("bulk_insert_per_message", "µs", |f| f.get("bulk_us").copied()),
        said("append_durable", "µs", |f| f.get("append_durable_us").copied()),
        said("fsync_of_the_disk", "µs", |f| f.get("fsync_us").copied()),
        said("append_small", "µs", |f| f.get("append_small_us").copied()),
        said("read_conversation", "µs", |f| f.get("read_us").copied()),
        said("search_rare", "µs", |f| f.get("rare_us").copied()),
        said("search_common_best", "µs", |f| f.get("common_relevance_us").copied()),
        said("search_common_newest", "µs", |f| f.get("common_newest_us").copied()),
        said("open", "ms", |f| f.get("open_ms").copied()),
        said("open_without_argon2", "ms", |f| f.get("open_without_argon2_ms").copied()),
        said("memory_peak_of_bulk", "MB", |f| Some(f.get("bulk_peak_kb")? / 1024.0)),
        said("memory_peak", "MB", |f| Some(f.get("peak_kb")? / 1024.0)),
        said("disk_per_message", "bytes", |f| f.get("disk_bytes_per_message").copied()),
    ]
}

fn plugins() -> Vec<Figure> {
    let said = |name, unit, of| Figure { name, unit, of };
    vec![
        said("typed_call_100_bytes", "µs", |f| f.get("call_100_us").copied()),
        said("typed_call_100_kilobytes", "µs", |f| f.get("call_100k_us").copied()),
        said("open_from_cache", "µs", |f| f.get("open_us").copied()),
        said("memory_per_plugin", "KB", |f| f.get("memory_kb").copied()),
        said("p99_quiet", "µs", |f| f.get("p99_quiet_us").copied()),
        said("p99_beside_a_spinner", "µs", |f| f.get("p99_beside_a_spinner_us").copied()),
        said("spinner_stopped_late", "ms", |f| f.get("stopped_late_ms").copied()),
        said("events_to_a_frontend_steady", "/s", |f| f.get("steady_events_per_second").copied()),
        said("left_out_steady", "", |f| f.get("steady_left_out").copied()),
        said("events_to_a_frontend_most", "/s", |f| f.get("most_events_per_second").copied()),
        said("left_out_most", "", |f| f.get("most_left_out").copied()),
    ]
}

/// Prints everything; `name` is that of the measurement on the lines of JSON.
pub fn print(suite: Suite, name: &str, contestants: &[Contestant], runs: &Runs) {
    let all = figures(suite);
    let mut lines = Vec::new();
    for figure in &all {
        println!(
            "{} {}",
            figure.name,
            if figure.unit.is_empty() { String::new() } else { format!("[{}]", figure.unit) }
        );
        for (at, contestant) in contestants.iter().enumerate() {
            let value = median(runs.iter().filter_map(|round| (figure.of)(round.get(&at)?)));
            let Some((value, least, most, rounds)) = value else { continue };
            let ratio = median(runs.iter().filter_map(|round| {
                let reference = (figure.of)(round.get(&0)?)?;
                (reference > 0.0).then_some((figure.of)(round.get(&at)?)? / reference)
            }));
            let ratio = ratio.map(|(ratio, ..)| ratio);
            let shown = ratio.map_or(String::new(), |ratio| format!("{ratio:8.2} x"));
            println!("  {:<26} {value:>14.1}  [{least:.1} … {most:.1}] {shown}", contestant.name);
            lines.push(json!({
                "bench": name, "figure": figure.name, "unit": figure.unit, "client": contestant.name,
                "median": value, "min": least, "max": most, "rounds": rounds,
                "reference": contestants[0].name, "ratio_to_reference": ratio,
            }));
        }
    }
    lines.iter().for_each(|line| println!("{line}"));
}

/// Median, least, most and number.
pub fn median(values: impl Iterator<Item = f64>) -> Option<(f64, f64, f64, usize)> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (least, most) = (*values.first()?, *values.last()?);
    let middle = values.len() / 2;
    let value = if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    };
    Some((value, least, most, values.len()))
}
