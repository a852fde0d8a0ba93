//! Figures beside the wanted ones, for a person, and a line of JSON for each of them.

use serde_json::json;

struct Figure {
    name: &'static str,
    unit: &'static str,
    value: f64,
    /// It should not be more.
    wanted: Option<f64>,
}

/// All figures, in the order in which they were measured.
#[derive(Default)]
pub struct Report(Vec<Figure>);

impl Report {
    /// One more; `wanted` is what it should not exceed.
    pub fn add(&mut self, name: &'static str, unit: &'static str, value: f64, wanted: Option<f64>) {
        eprintln!("{name}: {value:.2} {unit}");
        self.0.push(Figure { name, unit, value, wanted });
    }

    pub fn print(&self) {
        println!("{:<58} {:>10} {:<5} {:>10}", "", "measured", "", "wanted");
        for Figure { name, unit, value, wanted } in &self.0 {
            let (wanted, verdict) = match wanted {
                None => (String::new(), ""),
                Some(wanted) if value <= wanted => (format!("≤ {wanted}"), "reached"),
                Some(wanted) => (format!("≤ {wanted}"), "MISSED"),
            };
            println!("{name:<58} {value:>10.2} {unit:<5} {wanted:>10} {verdict}");
        }
        for Figure { name, unit, value, wanted } in &self.0 {
            let line =
                json!({"bench": "lsp", "figure": name, "unit": unit, "value": value, "wanted": wanted});
            println!("{line}");
        }
    }
}
