//! Plausible sentences from a seed, so that rows look like something and compress like text.

/// Words that an assistant's log is made of.
const WORDS: [&str; 64] = [
    "agent", "answer", "archive", "area", "batch", "before", "branch", "brief", "cache", "change",
    "check", "client", "compare", "context", "customer", "daily", "data", "draft", "email",
    "episode", "error", "export", "figure", "final", "folder", "forecast", "function", "group",
    "import", "index", "invoice", "later", "ledger", "limit", "manual", "memory", "message",
    "method", "model", "month", "notice", "number", "order", "outline", "partner", "plan",
    "policy", "price", "process", "project", "prompt", "query", "quote", "region", "report",
    "result", "review", "schema", "server", "summary", "table", "ticket", "update", "version",
];

/// Joins `n_words` words into sentences.
pub fn sentences(rng: &mut fastrand::Rng, n_words: usize) -> String {
    let mut text = String::with_capacity(n_words * 8);
    let mut left_in_sentence = 0;
    for _ in 0..n_words {
        let word = WORDS[rng.usize(..WORDS.len())];
        if left_in_sentence == 0 {
            left_in_sentence = rng.usize(5..14);
            if !text.is_empty() {
                text.push_str(". ");
            }
            let (first, rest) = word.split_at(1);
            text.push_str(&first.to_uppercase());
            text.push_str(rest);
        } else {
            text.push(' ');
            text.push_str(word);
        }
        left_in_sentence -= 1;
    }
    text.push('.');
    text
}

/// A title of a few words.
pub fn title(rng: &mut fastrand::Rng) -> String {
    let mut text = sentences(rng, 3);
    text.pop();
    text
}

/// A uuid drawn from the world's seed.
pub fn uuid(rng: &mut fastrand::Rng) -> uuid::Uuid {
    uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes()).into_uuid()
}
