kmock! { k, ... => [ || now_iso8601(), ... ]; GET "/x" ... => b"bye"; }
