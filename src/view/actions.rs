//! What can be done to a thing, as plain data: words, forms, and the commands that they make.

mod faults;
#[cfg(test)]
mod faults_test;

use std::rc::Rc;

use crate::sim::Command;

pub use faults::{
    broken, broker_faults, flight_faults, link_faults, links_of, partition_faults, server_faults,
};

/// Makes a command of what was typed.
pub type Maker = Rc<dyn Fn(&[String]) -> Result<Command, String>>;

/// Something that can be done.
#[derive(Clone)]
#[allow(missing_debug_implementations)] // A form holds a function.
pub enum Item {
    /// At once.
    Do(String, Command),
    /// After typing: title, fields, the button's word, and what becomes of it.
    Form(String, Vec<Field>, &'static str, Maker),
    /// More of them, under one title.
    More(String, Vec<Item>),
}

impl Item {
    /// Its words in a menu.
    pub fn title(&self) -> &str {
        match self {
            Item::Do(title, _) | Item::Form(title, ..) | Item::More(title, _) => title,
        }
    }

    /// A form whose fields are typed.
    pub fn form(
        title: impl Into<String>,
        fields: Vec<(&'static str, String)>,
        word: &'static str,
        make: impl Fn(&[String]) -> Result<Command, String> + 'static,
    ) -> Item {
        Item::Form(title.into(), fields.into_iter().map(Field::from).collect(), word, Rc::new(make))
    }
}

/// Something to be typed or chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is, with its unit.
    pub label: &'static str,
    /// What it is at first.
    pub value: String,
    /// What it can be; anything when empty.
    pub choices: Vec<String>,
}

impl From<(&'static str, String)> for Field {
    fn from((label, value): (&'static str, String)) -> Field {
        Field { label, value, choices: Vec::new() }
    }
}

/// The number that was typed.
///
/// # Errors
/// Says what should have been.
pub fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("{what} is a whole number, not “{text}”"))
}

/// What was typed in that field.
pub(crate) fn typed(values: &[String], index: usize) -> &str {
    values.get(index).map_or("", |value| value.trim())
}
