//! What is stored is what was told: properties of the stored forms, and of everything that writes them.

mod arbitrary;
mod forms;
