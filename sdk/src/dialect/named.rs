//! The operations of a line by their ids. Who calls them so brings names of the wire along; we need none.

use opencode_api::{OperationInfo, v1, v2};

use super::Line;

/// The row of an operation; `None` when the line has no such one.
pub(crate) fn operation(line: Line, id: &str) -> Option<&'static OperationInfo> {
    let table = match line {
        Line::V1 => v1::OPERATIONS,
        Line::V2 => v2::OPERATIONS,
    };
    table.iter().find(|row| row.id == id)
}
