//! JSON that is written in the code, and what becomes JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Json, Key, Members};

/// JSON as it is written: `json!({"name": name, "items": [1, null, {"deep": true}]})`.
///
/// Expressions are looked at, not moved; a name in parentheses is an expression, too.
macro_rules! json {
    ({ $($members:tt)* }) => {{
        #[allow(unused_mut, reason = "there may be none")]
        let mut members = $crate::json::Members::new();
        $crate::json::json!(@members members $($members)*);
        $crate::json::Json::from(members)
    }};
    ([ $($items:tt)* ]) => {{
        let items: Vec<$crate::json::Json> = {
            #[allow(unused_mut, reason = "there may be none")]
            let mut items = $crate::json::no_items();
            $crate::json::json!(@items items $($items)*);
            items
        };
        $crate::json::Json::from(items)
    }};
    (null) => { $crate::json::Json::Null };

    (@members $into:ident) => {};
    (@members $into:ident $key:literal : { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $into.insert($crate::json::Key::Static($key), $crate::json::json!({ $($inner)* }));
        $crate::json::json!(@members $into $($($rest)*)?);
    };
    (@members $into:ident $key:literal : [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $into.insert($crate::json::Key::Static($key), $crate::json::json!([ $($inner)* ]));
        $crate::json::json!(@members $into $($($rest)*)?);
    };
    (@members $into:ident $key:literal : null $(, $($rest:tt)*)?) => {
        $into.insert($crate::json::Key::Static($key), $crate::json::Json::Null);
        $crate::json::json!(@members $into $($($rest)*)?);
    };
    (@members $into:ident $key:literal : $value:expr $(, $($rest:tt)*)?) => {
        $into.insert($crate::json::Key::Static($key), $crate::json::ToJson::to_json(&$value));
        $crate::json::json!(@members $into $($($rest)*)?);
    };
    (@members $into:ident ($key:expr) : { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $into.insert($key, $crate::json::json!({ $($inner)* }));
        $crate::json::json!(@members $into $($($rest)*)?);
    };
    (@members $into:ident ($key:expr) : [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $into.insert($key, $crate::json::json!([ $($inner)* ]));
        $crate::json::json!(@members $into $($($rest)*)?);
    };
    (@members $into:ident ($key:expr) : null $(, $($rest:tt)*)?) => {
        $into.insert($key, $crate::json::Json::Null);
        $crate::json::json!(@members $into $($($rest)*)?);
    };
    (@members $into:ident ($key:expr) : $value:expr $(, $($rest:tt)*)?) => {
        $into.insert($key, $crate::json::ToJson::to_json(&$value));
        $crate::json::json!(@members $into $($($rest)*)?);
    };
    (@members $into:ident $key:ident : $($rest:tt)*) => {
        $crate::json::json!(@members $into ($key) : $($rest)*);
    };

    (@items $into:ident) => {};
    (@items $into:ident { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $into.push($crate::json::json!({ $($inner)* }));
        $crate::json::json!(@items $into $($($rest)*)?);
    };
    (@items $into:ident [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $into.push($crate::json::json!([ $($inner)* ]));
        $crate::json::json!(@items $into $($($rest)*)?);
    };
    (@items $into:ident null $(, $($rest:tt)*)?) => {
        $into.push($crate::json::Json::Null);
        $crate::json::json!(@items $into $($($rest)*)?);
    };
    (@items $into:ident $value:expr $(, $($rest:tt)*)?) => {
        $into.push($crate::json::ToJson::to_json(&$value));
        $crate::json::json!(@items $into $($($rest)*)?);
    };

    ($value:expr) => { $crate::json::ToJson::to_json(&$value) };
}
pub(crate) use json;

/// Where a list begins.
pub(crate) fn no_items() -> Vec<Json> {
    Vec::new()
}

/// What can stand in [`json!`].
pub(crate) trait ToJson {
    /// As JSON.
    fn to_json(&self) -> Json;
}

impl<T: ToJson + ?Sized> ToJson for &T {
    fn to_json(&self) -> Json {
        (**self).to_json()
    }
}

impl<T: ToJson + ?Sized> ToJson for Arc<T> {
    fn to_json(&self) -> Json {
        (**self).to_json()
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn to_json(&self) -> Json {
        self.as_ref().map_or(Json::Null, ToJson::to_json)
    }
}

impl<T: ToJson> ToJson for [T] {
    fn to_json(&self) -> Json {
        self.iter().map(ToJson::to_json).collect()
    }
}

impl<T: ToJson, const N: usize> ToJson for [T; N] {
    fn to_json(&self) -> Json {
        self.as_slice().to_json()
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn to_json(&self) -> Json {
        self.as_slice().to_json()
    }
}

impl<K: AsRef<str>, T: ToJson> ToJson for BTreeMap<K, T> {
    fn to_json(&self) -> Json {
        let members = self.iter();
        members
            .map(|(key, value)| (Key::from(key.as_ref()), value.to_json()))
            .collect()
    }
}

impl ToJson for Json {
    fn to_json(&self) -> Json {
        self.clone()
    }
}

impl ToJson for Members {
    fn to_json(&self) -> Json {
        self.clone().into()
    }
}

impl ToJson for Key {
    fn to_json(&self) -> Json {
        self.as_str().into()
    }
}

impl ToJson for serde_json::Value {
    fn to_json(&self) -> Json {
        self.into()
    }
}

impl ToJson for str {
    fn to_json(&self) -> Json {
        self.into()
    }
}

impl ToJson for String {
    fn to_json(&self) -> Json {
        self.as_str().into()
    }
}

/// What becomes JSON by itself, and so in [`json!`].
macro_rules! scalars {
    ($($scalar:ty: $variant:ident),*) => {$(
        impl From<$scalar> for Json {
            fn from(value: $scalar) -> Self {
                Self::$variant(value.into())
            }
        }
        impl ToJson for $scalar {
            fn to_json(&self) -> Json {
                Json::from(*self)
            }
        }
    )*};
}
scalars!(bool: Bool, i32: Number, u8: Number, u16: Number, u32: Number, i64: Number, u64: Number, usize: Number);

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Self {
        Self::Array(Arc::new(items))
    }
}

impl From<Members> for Json {
    fn from(members: Members) -> Self {
        Self::Object(Arc::new(members))
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl FromIterator<Json> for Json {
    fn from_iter<I: IntoIterator<Item = Json>>(items: I) -> Self {
        items.into_iter().collect::<Vec<_>>().into()
    }
}

impl<K: Into<Key>> FromIterator<(K, Json)> for Json {
    fn from_iter<I: IntoIterator<Item = (K, Json)>>(members: I) -> Self {
        members.into_iter().collect::<Members>().into()
    }
}
