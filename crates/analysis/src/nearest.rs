//! The name that somebody may have meant.

/// The most words in common, then the fewest letters changed; `None` when nothing is like it.
pub(crate) fn nearest(
    name: &str,
    names: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    let words = |id: &str| {
        id.split('-')
            .filter(|word| name.split('-').any(|part| part == *word))
            .count()
    };
    let likeness = |id: &str| strsim::normalized_damerau_levenshtein(id, name);
    names
        .filter(|id| words(id) > 0 || likeness(id) >= 0.5)
        .max_by(|a, b| {
            let order = words(a).cmp(&words(b));
            order.then(likeness(a).total_cmp(&likeness(b)))
        })
}
