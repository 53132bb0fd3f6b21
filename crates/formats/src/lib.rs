//! Readers and writers of fields.
