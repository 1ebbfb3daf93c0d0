//! The error codes that clients see, each with the HTTP status it comes with (reference §20).
//!
//! Owns the numbers and nothing else: which case gets which code is decided where the case is found.

use axum::http::StatusCode;

/// An error code with its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The HTTP status.
    pub status: StatusCode,
    /// The text of `error_code`.
    pub text: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident $text:literal;)*) => {
        $($(#[$doc])* pub const $name: Code = Code { status: StatusCode::$status, text: $text };)*
    };
}

codes! {
    // The control plane of queues (§20.1).

    /// A label of a message or of a filter is not one.
    BAD_LABEL = BAD_REQUEST "DMS.10240004";
    /// The project id in the path is malformed.
    BAD_PROJECT_ID = BAD_REQUEST "DMS.10240005";
    /// A queue's or group's name has characters that names may not have.
    NAME_CHARACTERS = BAD_REQUEST "DMS.10240007";
    /// The body of a control call is not JSON or not of the right form.
    CONTROL_NOT_JSON = BAD_REQUEST "DMS.10240009";
    /// The body's encoding is not understood.
    UNSUPPORTED_ENCODING = UNSUPPORTED_MEDIA_TYPE "DMS.10240009";
    /// The description has characters that descriptions may not have.
    DESCRIPTION_CHARACTERS = BAD_REQUEST "DMS.10240010";
    /// The queue's name is empty or too long.
    QUEUE_NAME_LENGTH = BAD_REQUEST "DMS.10240011";
    /// The group's name is empty or too long.
    GROUP_NAME_LENGTH = BAD_REQUEST "DMS.10240012";
    /// The description is too long.
    DESCRIPTION_LENGTH = BAD_REQUEST "DMS.10240013";
    /// `max_msgs` is out of range.
    BAD_MAX_MSGS = BAD_REQUEST "DMS.10240014";
    /// The queue id in the path is malformed.
    BAD_QUEUE_ID = BAD_REQUEST "DMS.10240015";
    /// The group id in the path is malformed.
    BAD_GROUP_ID = BAD_REQUEST "DMS.10240016";
    /// The queue's name is taken.
    QUEUE_EXISTS = BAD_REQUEST "DMS.10240017";
    /// The group's name is taken.
    GROUP_EXISTS = BAD_REQUEST "DMS.10240018";
    /// The queue would have too many groups.
    TOO_MANY_GROUPS = BAD_REQUEST "DMS.10240019";
    /// The project has all its queues.
    TOO_MANY_QUEUES = BAD_REQUEST "DMS.10240020";
    /// The project's messages take all the bytes that they may.
    TOO_MANY_BYTES = BAD_REQUEST "DMS.10240020";
    /// `time_wait` is out of range.
    BAD_TIME_WAIT = BAD_REQUEST "DMS.10240021";
    /// `max_consume_count` is missing or out of range.
    BAD_MAX_CONSUME_COUNT = BAD_REQUEST "DMS.10240022";
    /// `retention_hours` is out of range.
    BAD_RETENTION = BAD_REQUEST "DMS.10240027";
    /// `retention_hours` on a queue that is not Kafka-like.
    RETENTION_NOT_KAFKA = BAD_REQUEST "DMS.10240028";
    /// A tag's key is empty or too long.
    TAG_KEY_LENGTH = BAD_REQUEST "DMS.10240035";
    /// A tag's key has forbidden characters.
    TAG_KEY_CHARACTERS = BAD_REQUEST "DMS.10240036";
    /// A tag's value is too long.
    TAG_VALUE_LENGTH = BAD_REQUEST "DMS.10240038";
    /// A tag's value has forbidden characters.
    TAG_VALUE_CHARACTERS = BAD_REQUEST "DMS.10240039";
    /// The action is neither create nor delete.
    BAD_TAG_ACTION = BAD_REQUEST "DMS.10240040";
    /// The action is neither filter nor count.
    BAD_SEARCH_ACTION = BAD_REQUEST "DMS.10240041";
    /// The page size is out of range.
    BAD_LIMIT = BAD_REQUEST "DMS.10240042";
    /// The page's start is out of range.
    BAD_OFFSET = BAD_REQUEST "DMS.10240043";
    /// The queue would have too many tags, or the search has too many.
    TOO_MANY_TAGS = BAD_REQUEST "DMS.10240044";
    /// A tag's key stands twice in the request.
    TAG_KEY_REPEATED = BAD_REQUEST "DMS.10240045";
    /// The token is none, was revoked, or the signature is wrong.
    BAD_TOKEN = UNAUTHORIZED "DMS.10240101";
    /// The token has expired.
    EXPIRED_TOKEN = UNAUTHORIZED "DMS.10240102";
    /// There is neither a token nor a signature.
    NO_TOKEN = UNAUTHORIZED "DMS.10240103";
    /// The token or key is not for the project in the path (b-21).
    OTHER_PROJECT = UNAUTHORIZED "DMS.10240104";
    /// A policy of the queue forbids it.
    FORBIDDEN_BY_POLICY = FORBIDDEN "DMS.10240309";
    /// The role only reads.
    READ_ONLY = FORBIDDEN "DMS.10240310";
    /// The role does not suffice.
    ROLE_TOO_LOW = FORBIDDEN "DMS.10240311";
    /// The project has no such queue.
    NO_QUEUE = NOT_FOUND "DMS.10240401";
    /// The queue has no such group.
    NO_GROUP = NOT_FOUND "DMS.10240405";
    /// There is nothing at this path.
    NO_PATH = NOT_FOUND "DMS.10240406";
    /// Too many requests wait already (§21-16).
    TOO_BUSY = TOO_MANY_REQUESTS "DMS.10240407";
    /// The project asks too often, and the operator wants the status of the documents (§21-16).
    THROTTLED = NOT_FOUND "DMS.10240407";
    /// The server has all the connections or bodies that it may have.
    OVERLOADED = SERVICE_UNAVAILABLE "DMS.10240407";
    /// The queue has no tag with this key.
    NO_TAG = NOT_FOUND "DMS.10240426";
    /// A defect of the broker.
    INTERNAL = INTERNAL_SERVER_ERROR "DMS.10250002";
    /// What is stored cannot be read.
    UNREADABLE = INTERNAL_SERVER_ERROR "DMS.10250003";
    /// The disk is nearly full (b-54).
    NO_ROOM = INTERNAL_SERVER_ERROR "DMS.10250004";
    /// The broker is stopping, or its store has failed.
    STOPPED = SERVICE_UNAVAILABLE "DMS.10250004";
    /// Who asks cannot be found out now.
    NO_IDENTITY_SERVICE = SERVICE_UNAVAILABLE "DMS.10250005";

    // The data plane of queues (§20.2).

    /// The body has a field that is missing or of the wrong kind.
    BAD_FIELD = BAD_REQUEST "DMS.10540001";
    /// An acknowledgement's status is neither success nor fail.
    BAD_ACK_STATUS = BAD_REQUEST "DMS.10540003";
    /// The handler belongs to another queue or group.
    HANDLER_ELSEWHERE = BAD_REQUEST "DMS.10540004";
    /// The request does not have the right form, or does not fit the queue's mode.
    BAD_FORM = BAD_REQUEST "DMS.10540010";
    /// The request came too slowly.
    TOO_SLOW = REQUEST_TIMEOUT "DMS.10540010";
    /// The request line and headers are too large or too many.
    HEADERS_TOO_LARGE = REQUEST_HEADER_FIELDS_TOO_LARGE "DMS.10540010";
    /// The messages are too large.
    MESSAGES_TOO_LARGE = BAD_REQUEST "DMS.10540011";
    /// The body is too large for any call.
    BODY_TOO_LARGE = PAYLOAD_TOO_LARGE "DMS.10540011";
    /// The body of a data call is not JSON.
    DATA_NOT_JSON = BAD_REQUEST "DMS.10540012";
    /// The query has a parameter that is not what it should be.
    BAD_PARAMETER = BAD_REQUEST "DMS.10540014";
    /// The path and query are too long.
    URI_TOO_LARGE = URI_TOO_LONG "DMS.10540014";
    /// The group is bound to another label filter.
    OTHER_FILTER = BAD_REQUEST "DMS.10542204";
    /// A message's handler where a dead letter's was expected, or the reverse.
    HANDLER_OTHER_SOURCE = BAD_REQUEST "DMS.10542205";
    /// `ack_wait` is out of range.
    BAD_ACK_WAIT = BAD_REQUEST "DMS.10542206";
    /// The handler was not made here, has timed out, or was used before.
    BAD_HANDLER = BAD_REQUEST "DMS.10542209";
    /// `tag_type` is neither or nor and (a 400 here: b-27).
    BAD_TAG_TYPE = BAD_REQUEST "DMS.10550035";

    // Instances (§20.3).

    /// The body is empty.
    INSTANCE_BODY_EMPTY = BAD_REQUEST "DMS.00400004";
    /// The body is not JSON.
    INSTANCE_NOT_JSON = BAD_REQUEST "DMS.00400005";
    /// Nothing to sell.
    SOLD_OUT = BAD_REQUEST "DMS.00400055";
    /// The action is neither restart nor delete.
    BAD_INSTANCE_ACTION = BAD_REQUEST "DMS.00400064";
    /// The action names no instances.
    NO_INSTANCES_NAMED = BAD_REQUEST "DMS.00400065";
    /// The action names too many instances.
    TOO_MANY_INSTANCES_NAMED = BAD_REQUEST "DMS.00400100";
    /// There is no such instance.
    NO_INSTANCE = NOT_FOUND "DMS.00404022";
    /// The path does not know this method.
    NO_METHOD = METHOD_NOT_ALLOWED "DMS.00405001";
}
