//! Files of tokens, as `kube-apiserver --token-auth-file` reads them: `token,user,uid,"group1,group2"`, one a line.

use crate::model::user::User;
use crate::state::cluster::Cluster;

impl Cluster {
    /// Takes the tokens of a file from now on, and makes everybody say who they are. It returns how many there were.
    ///
    /// ```
    /// # fn main() -> Result<(), String> {
    /// let cluster = kmock_kubernetes::Cluster::default();
    /// cluster.load_tokens("s3cret,jane,u-1,\"devs,ops\"\nt0ken,bot,u-2\n")?;
    /// let jane = cluster.access().of_token("s3cret").map(|user| user.groups.clone());
    /// assert_eq!(jane.unwrap_or_default(), ["devs", "ops", "system:authenticated"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What is wrong with the text, and in which line. Nothing is taken then.
    pub fn load_tokens(&self, text: &str) -> Result<usize, String> {
        let mut tokens = Vec::new();
        for (n, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let at = |why: String| format!("line {}: {why}", n + 1);
            let fields = fields(line).map_err(at)?;
            let [token, name, uid, rest @ ..] = fields.as_slice() else {
                let count = fields.len();
                return Err(at(format!(
                    "a line of a token file has at least 3 columns (token, user name, user uid), found {count}"
                )));
            };
            if token.is_empty() {
                return Err(at("the token is empty".to_owned()));
            }
            let groups = rest.first().map(String::as_str).unwrap_or_default();
            let groups = groups.split(',').filter(|group| !group.is_empty());
            let user = groups.fold(User::new(name.as_str()), User::group);
            tokens.push((token.clone(), user.uid(uid.as_str())));
        }
        for (token, user) in &tokens {
            self.access().put_token(token, user);
        }
        self.access().authenticate();
        Ok(tokens.len())
    }
}

/// The fields of a line of comma-separated values (RFC 4180); blanks before one do not count.
fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start();
        let Some(quoted) = rest.strip_prefix('"') else {
            let (field, after) = match rest.split_once(',') {
                Some((field, after)) => (field, Some(after)),
                None => (rest, None),
            };
            fields.push(field.trim_end().to_owned());
            match after {
                Some(after) => rest = after,
                None => return Ok(fields),
            }
            continue;
        };
        let mut field = String::new();
        let mut left = quoted;
        loop {
            let Some((part, after)) = left.split_once('"') else {
                return Err("a quote is not closed".to_owned());
            };
            field.push_str(part);
            match after.strip_prefix('"') {
                Some(more) => {
                    field.push('"');
                    left = more;
                }
                None => {
                    left = after;
                    break;
                }
            }
        }
        fields.push(field);
        match left.trim_start() {
            "" => return Ok(fields),
            left => match left.strip_prefix(',') {
                Some(after) => rest = after,
                None => return Err(format!("expected a comma after a quote, found {left:?}")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comma_separated_values() {
        assert_eq!(fields("a, b ,c").expect("good"), ["a", "b", "c"]);
        assert_eq!(
            fields(r#"a,"b,""c""", d"#).expect("good"),
            ["a", "b,\"c\"", "d"]
        );
        assert_eq!(fields("a,,").expect("good"), ["a", "", ""]);
        assert!(fields("a,\"b").is_err() && fields("a,\"b\"c").is_err());
        let cluster = Cluster::default();
        let refused = cluster
            .load_tokens("t,u,1\n\nt,u\n")
            .expect_err("two columns");
        assert!(refused.starts_with("line 3: "), "{refused}");
        assert!(!cluster.access().authenticates() && cluster.access().of_token("t").is_none());
    }
}
