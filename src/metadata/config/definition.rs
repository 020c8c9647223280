//! What a config can be: its type, its default, the values that it takes.
//!
//! Source: Kafka documentation, *Configuration*; protocol guide *DescribeConfigs* (KIP-569 for types).

use super::ConfigError;

/// The type of a config's value, numbered as `DescribeConfigsResponse` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigKind {
    /// `true` or `false`.
    Boolean = 1,
    /// Text.
    String = 2,
    /// 32 bits.
    Int = 3,
    /// 16 bits.
    Short = 4,
    /// 64 bits.
    Long = 5,
    /// With a fraction.
    Double = 6,
    /// Comma-separated.
    List = 7,
    /// Name of a Java class.
    Class = 8,
    /// Never told.
    Password = 9,
}

/// Which values of the right type are allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// All.
    Any,
    /// Numbers from here.
    AtLeast(i64),
    /// Numbers from the first to the last.
    Between(i64, i64),
    /// One of these words; each item of a list must be.
    OneOf(&'static [&'static str]),
}

/// Whether a broker's config can be altered while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateMode {
    /// Only in `server.properties`.
    ReadOnly,
    /// For one broker.
    PerBroker,
    /// For one broker, or for all that have no value of their own.
    ClusterWide,
}

/// One config.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfigDef {
    /// Kafka's name.
    pub name: &'static str,
    /// Its type.
    pub kind: ConfigKind,
    /// Its default; `None` when it is unset by default.
    pub default: Option<&'static str>,
    /// The values that it takes.
    pub allowed: Allowed,
    /// For brokers' configs; those of topics and groups are always dynamic.
    pub update: UpdateMode,
    /// For topics' and groups' configs: the broker config that gives the default.
    pub broker_config: Option<&'static str>,
    /// What it means, in one sentence.
    pub doc: &'static str,
}

impl ConfigDef {
    /// Whether the value is a secret.
    pub fn is_sensitive(&self) -> bool {
        self.kind == ConfigKind::Password
    }

    /// The value in its usual form.
    ///
    /// # Errors
    /// When the config cannot have this value.
    pub fn check(&self, value: &str) -> Result<String, ConfigError> {
        let value = if matches!(self.kind, ConfigKind::Password) { value } else { value.trim() };
        let number = match self.kind {
            ConfigKind::Boolean => {
                let lower = value.to_ascii_lowercase();
                return match lower.as_str() {
                    "true" | "false" => Ok(lower),
                    _ => self.refuse(value, "true or false"),
                };
            }
            ConfigKind::Int => value.parse::<i32>().map(i64::from).map_err(|_| "a number of 32 bits"),
            ConfigKind::Short => value.parse::<i16>().map(i64::from).map_err(|_| "a number of 16 bits"),
            ConfigKind::Long => value.parse::<i64>().map_err(|_| "a whole number"),
            ConfigKind::Double => return self.check_fraction(value),
            _ => return self.check_words(value),
        };
        let number = match number {
            Ok(number) => number,
            Err(expected) => return self.refuse(value, expected),
        };
        match self.allowed {
            Allowed::AtLeast(least) if number < least => self.refuse(value, &format!("at least {least}")),
            Allowed::Between(from, to) if !(from..=to).contains(&number) => {
                self.refuse(value, &format!("a number from {from} to {to}"))
            }
            _ => Ok(number.to_string()),
        }
    }

    fn check_fraction(&self, value: &str) -> Result<String, ConfigError> {
        // By the reader of JSON, which is in every build already.
        let Ok(number) = serde_json::from_str::<f64>(value) else {
            return self.refuse(value, "a number");
        };
        match self.allowed {
            Allowed::AtLeast(least) if number < least as f64 => {
                self.refuse(value, &format!("at least {least}"))
            }
            Allowed::Between(from, to) if number < from as f64 || number > to as f64 => {
                self.refuse(value, &format!("a number from {from} to {to}"))
            }
            _ => Ok(value.to_owned()),
        }
    }

    fn check_words(&self, value: &str) -> Result<String, ConfigError> {
        let Allowed::OneOf(words) = self.allowed else { return Ok(value.to_owned()) };
        let right = match self.kind {
            ConfigKind::List => value.split(',').all(|word| words.contains(&word.trim())),
            _ => words.contains(&value),
        };
        if right { Ok(value.to_owned()) } else { self.refuse(value, &words.join(", ")) }
    }

    fn refuse(&self, value: &str, expected: &str) -> Result<String, ConfigError> {
        Err(ConfigError::new(self.name, format!("expected {expected}, found '{}'", shortened(value))))
    }
}

/// As much of a value as an error may repeat.
fn shortened(value: &str) -> String {
    value.chars().take(100).collect()
}

/// A topic's config; `broker` gives the default where there is one.
pub(super) const fn topic(
    name: &'static str,
    kind: ConfigKind,
    default: &'static str,
    allowed: Allowed,
    broker: &'static str,
    doc: &'static str,
) -> ConfigDef {
    let broker_config = if broker.is_empty() { None } else { Some(broker) };
    ConfigDef {
        name,
        kind,
        default: Some(default),
        allowed,
        update: UpdateMode::ClusterWide,
        broker_config,
        doc,
    }
}

/// A broker's config.
pub(super) const fn broker(
    name: &'static str,
    kind: ConfigKind,
    default: Option<&'static str>,
    allowed: Allowed,
    update: UpdateMode,
    doc: &'static str,
) -> ConfigDef {
    ConfigDef { name, kind, default, allowed, update, broker_config: None, doc }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn check(kind: ConfigKind, allowed: Allowed, value: &str, expected: Result<&str, &str>) {
        let definition = topic("x", kind, "", allowed, "", "");
        let found = definition.check(value).map_err(|error| error.problem);
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn numbers_are_held_to_their_width_and_range() {
        check(ConfigKind::Int, Allowed::Any, " 7 ", Ok("7"));
        check(
            ConfigKind::Int,
            Allowed::Any,
            "2147483648",
            Err("expected a number of 32 bits, found '2147483648'"),
        );
        check(ConfigKind::Short, Allowed::AtLeast(1), "0", Err("expected at least 1, found '0'"));
        check(
            ConfigKind::Long,
            Allowed::Between(-2, 5),
            "6",
            Err("expected a number from -2 to 5, found '6'"),
        );
        check(ConfigKind::Double, Allowed::Between(0, 1), "0.5", Ok("0.5"));
        check(ConfigKind::Double, Allowed::Between(0, 1), "NaN", Err("expected a number, found 'NaN'"));
    }

    #[test]
    fn words_are_held_to_their_choice() {
        check(ConfigKind::Boolean, Allowed::Any, "TRUE", Ok("true"));
        check(ConfigKind::Boolean, Allowed::Any, "yes", Err("expected true or false, found 'yes'"));
        let choice = Allowed::OneOf(&["compact", "delete"]);
        check(ConfigKind::List, choice, "compact, delete", Ok("compact, delete"));
        check(ConfigKind::List, choice, "burn", Err("expected compact, delete, found 'burn'"));
        check(
            ConfigKind::String,
            choice,
            "compact,delete",
            Err("expected compact, delete, found 'compact,delete'"),
        );
    }
}
