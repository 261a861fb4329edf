//! The words of `kmock!`, so that they complete where they may stand, with what they mean. The macro writes none of them: an
//! editor finds them beside the names of the user.

/// A word of `kmock!`.
#[derive(Clone, Copy, Debug)]
pub struct Word;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[allow(non_upper_case_globals, reason = "words are written as they are")]
        pub const $name: Word = Word;
    )* };
}

/// Words that narrow a head down.
pub mod criteria {
    use super::Word;

    words! {
        /// Parameters of the query: `query { "page": 1..=9, "all": _ }`; `query == { … }` are these and no others.
        query;
        /// Headers: `header { "X-Token": _ }`.
        header;
        /// Cookies: `cookie { "session": "1" }`.
        cookie;
        /// A JSON body: `json { "name": "j*" }` and maybe more, `json == { … }` and nothing more.
        json;
        /// Fields of a form: `form { "name": "john" }`.
        form;
        /// A part of a multipart body: `part "avatar" { filename: "*.png", type: "image/*" }`.
        part;
        /// The bytes of the body: `body b"raw"`.
        body;
        /// The body as text: `text "hello*"`.
        text;
        /// The host: `host "*.local"`.
        host;
        /// Whence it comes: `from 10.0.0.0/8`.
        from;
        /// The name of an object of Kubernetes: `named "web"`.
        named;
        /// A subresource of Kubernetes: `sub "status"`.
        sub;
        /// What the client's certificate says: `client_cert "cn=alice"`.
        client_cert;
        /// What came after the body: `trailer { "x-sum": _ }`.
        trailer;
        /// Connections as they come in, before anything is asked on them.
        connection;
        /// Counts slices and answers for each value of a capture: `GET "/jobs/{id}" per id`.
        per;
        /// An array of just these items, in any order: `json any_order [1, 2]`.
        any_order;
        /// Reads objects of one resource: `list "v1/pods"`.
        list;
        /// Watches objects: `watch "v1/pods"`.
        watch;
        /// Makes an object: `create "v1/pods"`.
        create;
        /// Replaces an object (PUT): `update "v1/pods"`.
        update;
        /// Changes a part of an object: `patch "v1/pods"`.
        patch;
        /// Removes an object: `delete "v1/pods"`.
        delete;
        /// Removes many objects: `deletecollection "v1/pods"`.
        deletecollection;
        /// A command in a container: `exec "v1/pods" named "db-*" => |command, io| …`.
        exec;
        /// Who joins what a container is: `attach "v1/pods" => |command, io| …`.
        attach;
        /// Reads one object: `get "v1/pods"`.
        get;
        /// Reads one object: `fetch "v1/pods"`.
        fetch;
        /// Calls of gRPC, by service and method: `grpc "demo.Greeter/*"`.
        grpc;
        /// What a message of a gRPC call has: `message { "name": "j*" }`.
        message;
    }
}

/// Words of what images do, in a cluster that lives.
pub mod images {
    use super::Word;

    words! {
        /// The container ends with a code: `exit(1)`, `exit(0) after 30s`.
        exit;
        /// It is killed for want of memory: `out_of_memory after 5s`.
        out_of_memory;
        /// What it writes when it starts: `log "listening\n"`.
        log;
        /// What it leaves at its `terminationMessagePath`: `exit(1), message "no license"`.
        message;
        /// When it is ready: `ready after 5s`, `ready never`.
        ready;
        /// How the image comes: `pull after 5s`, `pull fails "no such tag"`.
        pull;
        /// It does not end when it is told to.
        ignores_stop;
        /// What commands in it do: `exec async |command, io| …`.
        exec;
    }
}

/// Words of replies.
pub mod replies {
    use super::Word;

    words! {
        /// Answers while the body is still coming: `413, unread`.
        unread;
        /// Ends the connection of HTTP/2 in an orderly way: `goaway`.
        goaway;
        /// The answer of a gRPC call: `grpc { "message": "hello" }`, a stream of them, a status, or what answers each message as it
        /// comes: `grpc |message| …`.
        grpc;
        /// Passes on to a server, and keeps what it answers: `record "https://real"`.
        record;
        /// Answers from a file of recorded answers: `replay "file.har"`.
        replay;
        /// Headers: `header { "X-A": "1", "X-B": ! }`.
        header;
        /// Cookies: `cookie { "s": "1", "t": ! }`.
        cookie;
        /// A text as it is: `text "raw"`.
        text;
        /// A value as JSON: `json(value)`.
        json;
        /// A file, read again for each request: `file "path"`; `file once "path"` is read on.
        file;
        /// Items one after another: `stream [ b"a", sleep(1s), b"b" ]`.
        stream;
        /// Waits at a gate: `hold(&gate)`.
        hold;
        /// Answers later: `sleep(1s)`, `sleep(1s..2s)`.
        sleep;
        /// Answers later, as `sleep` does.
        delay;
        /// RST instead of the answer.
        reset;
        /// FIN instead of the answer.
        close;
        /// FIN after so many bytes of the body: `truncate 10`.
        truncate;
        /// A `content-length`, whatever the body is: `promise 20`.
        promise;
        /// What is no HTTP: `garbage`, `garbage b"…"`.
        garbage;
        /// Nothing, for ever.
        stall;
        /// The body no faster than that: `slow 64kB/s`.
        slow;
        /// What another server answers: `proxy "http://…"`.
        proxy;
        /// Waits for something that happens: `wait(event)`.
        wait;
        /// Accepts a WebSocket and sends these frames: `websocket [ "hello" ]`.
        websocket;
        /// What a command in a container does: `exec |command, io| …`.
        exec;
        /// What comes after the body: `trailer { "x-sum": "1" }`.
        trailer;
        /// An informational answer before the answer: `hint 103 { "Link": "…" }`.
        hint;
        /// The version of HTTP: `http "1.0"`.
        http;
        /// A body that ends where the connection does.
        until_eof;
        /// Names of headers as they are written.
        as_written;
        /// What a connection is shown: `certificate expired`.
        certificate;
        /// The version of TLS: `tls "1.2"`.
        tls;
        /// How many connections there may be at once: `limit 2`.
        limit;
        /// Begins the answer to the next request: `503, then 200`; `then pass`, `then again` end them.
        then;
        /// Clones for a closure: `with (db, next) |req| …`.
        with;
        /// Sends the client elsewhere: `redirect "/new"`, `308, redirect "/new"`.
        redirect;
        /// Problem Details (RFC 9457): `404, problem "no such order"`.
        problem;
        /// The version of the answer, and conditional requests: `etag "v1"`, `etag`.
        etag;
        /// When it was changed last, and conditional requests: `last_modified "Sun, 06 Nov 1994 08:49:37 GMT"`.
        last_modified;
        /// Parts of the body for those who ask for them.
        ranges;
        /// 400 in Kubernetes' words.
        bad_request;
        /// 401 in Kubernetes' words.
        unauthorized;
        /// 403 in Kubernetes' words.
        forbidden;
        /// 404 in Kubernetes' words.
        not_found;
        /// 409 `AlreadyExists` in Kubernetes' words.
        already_exists;
        /// 409 `Conflict` in Kubernetes' words: `conflict "why"`.
        conflict;
        /// 410 in Kubernetes' words.
        expired;
        /// 422 in Kubernetes' words.
        invalid;
        /// 429 in Kubernetes' words: `too_many(1s)`.
        too_many;
        /// 500 in Kubernetes' words.
        internal;
        /// 503 in Kubernetes' words.
        unavailable;
        /// 504 in Kubernetes' words.
        timeout;
    }
}
