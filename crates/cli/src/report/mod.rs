//! What commands show: files, tables, pictures, and the plan for a data set.

pub mod drawing;
pub mod files;
pub mod nearest;
pub mod pictures;
pub mod plan;
pub mod real;
pub mod table;
