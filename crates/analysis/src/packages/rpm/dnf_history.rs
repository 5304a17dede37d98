//! The history of dnf 4 and microdnf, `/var/lib/dnf/history.sqlite`: why each package was installed
//! (libdnf 0.7x, `libdnf/transaction`: `sql/create_tables.sql`, `Types.hpp`, `RPMItem.cpp`).

use std::collections::{BTreeMap, BTreeSet};

use crate::packages::sqlite::{Database, Row};

/// Whether somebody asked for a package, by `NAME.ARCHITECTURE`; nothing where only a group or
/// nobody is known. The latest finished transaction that dealt with the package tells.
pub(super) fn reasons(file: &[u8], log: &[u8]) -> Result<BTreeMap<String, bool>, String> {
    let database = Database::open(file, log)?;
    let packages = packages(&database)?;
    let finished = finished(&database)?;
    let mut latest: BTreeMap<&str, (i64, Option<bool>)> = BTreeMap::new();
    let columns = ["trans_id", "item_id", "action", "reason"];
    each(&database, "trans_item", columns, |row, columns| {
        let [transaction, item, action, reason] = columns.map(|column| row.integer(column));
        let (Some(transaction), Some(item)) = (transaction, item) else {
            return;
        };
        if let Some(package) = packages.get(&item)
            && finished.contains(&transaction)
            && !action.is_some_and(is_replacement)
        {
            let told = (transaction, requested(action, reason));
            let latest = latest.entry(package).or_insert(told);
            if latest.0 < transaction {
                *latest = told;
            }
        }
    })?;
    let known = latest.into_iter();
    let known = known.filter_map(|(package, (_, requested))| Some((package, requested?)));
    Ok(known
        .map(|(package, requested)| (package.to_owned(), requested))
        .collect())
}

/// Downgraded, obsoleted, upgraded, reinstalled: the package that took the place has its own row.
fn is_replacement(action: i64) -> bool {
    matches!(action, 3 | 5 | 7 | 10)
}

fn requested(action: Option<i64>, reason: Option<i64>) -> Option<bool> {
    const REMOVE: i64 = 8;
    match (action, reason) {
        (Some(REMOVE), _) => None,
        // A dependency, a weak one.
        (_, Some(1 | 4)) => Some(false),
        // The user.
        (_, Some(2)) => Some(true),
        _ => None,
    }
}

/// `NAME.ARCHITECTURE` by the number of the item.
fn packages(database: &Database<'_>) -> Result<BTreeMap<i64, String>, String> {
    let mut packages = BTreeMap::new();
    let columns = ["item_id", "name", "arch"];
    each(database, "rpm", columns, |row, [item, name, arch]| {
        let [name, arch] = [name, arch].map(|column| row.bytes(column).unwrap_or_default());
        let name = String::from_utf8_lossy(&[name, b".", arch].concat()).into_owned();
        packages.extend(row.integer(item).map(|item| (item, name)));
    })?;
    Ok(packages)
}

/// The transactions that came to their end.
fn finished(database: &Database<'_>) -> Result<BTreeSet<i64>, String> {
    let mut finished = BTreeSet::new();
    each(database, "trans", ["id", "state"], |row, [id, state]| {
        if row.integer(state) == Some(1) {
            finished.extend(row.integer(id));
        }
    })?;
    Ok(finished)
}

/// Calls for each row of a table, with the places of columns.
fn each<const N: usize>(
    database: &Database<'_>,
    table: &str,
    columns: [&str; N],
    mut visit: impl FnMut(&Row, [usize; N]),
) -> Result<(), String> {
    let table = database.table(table)?;
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        *place = table.column(column)?;
    }
    let mut damage = Ok(());
    database.rows(&table, &mut |row| match row {
        Ok(row) => visit(&row, places),
        Err(reason) => damage = Err(reason),
    });
    damage
}
