//! The JSON schemas in `docs`, which are made from the types that are written and read.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

/// Fails when `docs/NAME.schema.json` is not the schema of what ounce writes.
/// `just docs` writes the file anew.
pub(crate) fn assert_written<T: JsonSchema>(name: &str) {
    assert_published::<T>(name, SchemaSettings::draft2020_12().for_serialize());
}

/// The same of what ounce reads.
pub(crate) fn assert_read<T: JsonSchema>(name: &str) {
    assert_published::<T>(name, SchemaSettings::draft2020_12());
}

fn assert_published<T: JsonSchema>(name: &str, settings: SchemaSettings) {
    let path = format!(
        "{}/../../docs/{name}.schema.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let schema = crate::report::model::json(&settings.into_generator().into_root_schema_for::<T>());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(published, schema, "{path}: run `just docs`");
}
