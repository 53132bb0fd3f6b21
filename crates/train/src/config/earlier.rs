//! What configurations of earlier versions mean.

/// A configuration as a run stored it, every key spelled out, with the values that earlier
/// versions used before a key existed: a cosine rate, `training.share = "total"`, and
/// `data.hold_out = "two-blocks"` for data in files.
pub(crate) fn of_earlier(mut table: toml::Table) -> toml::Table {
    if let Some(data) = table.get_mut("data").and_then(|t| t.as_table_mut()) {
        let builtin = |source: &str| source.starts_with("builtin:");
        let own = data.get("source").and_then(|s| s.as_str()).is_some_and(builtin);
        // data that are not split need no key, so that a run that goes on stores what it began with
        if !own && !data.contains_key("validation_source") {
            data.entry("hold_out").or_insert_with(|| "two-blocks".into());
        }
    }
    if let Some(training) = table.get_mut("training").and_then(|t| t.as_table_mut()) {
        let cosine = || toml::Table::from_iter([("kind".to_string(), "cosine".into())]).into();
        training.entry("rate").or_insert_with(cosine);
        training.entry("share").or_insert_with(|| "total".into());
    }
    table
}
