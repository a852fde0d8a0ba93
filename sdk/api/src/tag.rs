//! Finds the discriminator of an object in its text, without decoding the rest. The text must already be known to be
//! JSON (a `RawValue`); on anything else the answer is only unspecified, never a panic.
use std::borrow::Cow;

/// The text of the string field `name` at the top level of the object `json`.
pub(crate) fn text<'a>(json: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let mut cursor = Cursor { json, at: 0 };
    cursor.skip_space();
    if !cursor.eat(b'{') {
        return None;
    }
    loop {
        cursor.skip_space();
        let key = cursor.string()?;
        cursor.skip_space();
        if !cursor.eat(b':') {
            return None;
        }
        cursor.skip_space();
        if unquote(key)? == name {
            return if cursor.peek()? == b'"' { unquote(cursor.string()?) } else { None };
        }
        cursor.skip_value()?;
        cursor.skip_space();
        if !cursor.eat(b',') {
            return None;
        }
    }
}

/// A quoted string's text; borrowed unless it has escapes.
fn unquote(quoted: &str) -> Option<Cow<'_, str>> {
    let inner = quoted.get(1..quoted.len().checked_sub(1)?)?;
    if inner.contains('\\') {
        serde_json::from_str(quoted).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

struct Cursor<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// A string with its quotes.
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        if !self.eat(b'"') {
            return None;
        }
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return self.json.get(start..self.at);
                }
                _ => self.at += 1,
            }
        }
    }

    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth == 0 => return Some(()),
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' if depth == 0 => return Some(()),
                _ => self.at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn the_tag_is_found_wherever_it_stands() {
        for json in [
            r#"{"type":"a"}"#,
            r#" { "x" : [1,{"type":"no"},"]"] , "type" : "a" , "y":null}"#,
            r#"{"s":"\"type\":\"no\"","o":{"type":"no"},"type":"a"}"#,
            r#"{"t\u0079pe":"\u0061"}"#,
            r#"{"n":-1.5e3,"b":true,"type":"a"}"#,
        ] {
            assert_eq!(text(json, "type").as_deref(), Some("a"), "{json}");
        }
    }

    #[test]
    fn no_tag_is_no_tag() {
        for json in
            ["null", "[]", "{}", "\"type\"", r#"{"type":1}"#, r#"{"a":{"type":"x"}}"#, "", "{", "{\"\\"]
        {
            assert_eq!(text(json, "type"), None, "{json}");
        }
    }
}
