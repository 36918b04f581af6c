/** How long a message's body is (RFC 9112 §6.3), as one number. */

/** No body, or one of that many bytes when positive. */
export const BODY_NONE = 0;
/** Chunked transfer coding (RFC 9112 §7.1). */
export const BODY_CHUNKED = -1;
/** An answer that lasts until the connection closes (RFC 9112 §6.3 (8)). */
export const BODY_UNTIL_CLOSE = -2;
