//! How sure a value is.

/// What a file says of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fact<T> {
    /// The file does not say it, or nobody knows where.
    #[default]
    Unknown,
    /// Read from a place whose meaning is plausible and not proved.
    Guess(T),
    /// Read from a place that held the same in every file that was compared.
    Sure(T),
}

impl<T> Fact<T> {
    /// The value, sure or not.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Unknown => None,
            Self::Guess(value) | Self::Sure(value) => Some(value),
        }
    }

    /// Whether the value is there and not proved.
    pub fn is_guess(&self) -> bool {
        matches!(self, Self::Guess(_))
    }

    /// The same with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Unknown => Fact::Unknown,
            Self::Guess(value) => Fact::Guess(change(value)),
            Self::Sure(value) => Fact::Sure(change(value)),
        }
    }

    /// Sure when there is a value, else unknown.
    pub fn sure(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, Self::Sure)
    }

    /// A guess when there is a value, else unknown.
    pub fn guess(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, Self::Guess)
    }
}

impl<T: Copy> Fact<T> {
    /// The value, sure or not, copied.
    pub fn get(self) -> Option<T> {
        self.value().copied()
    }
}
