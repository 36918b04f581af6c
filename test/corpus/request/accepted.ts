/** Requests that must be taken, from plain to tricky, one character a byte (latin1). Some are several in a row. */

const BROWSER = [
  "GET /search?q=a%20b&lang=de HTTP/1.1",
  "Host: www.example.com",
  "Connection: keep-alive",
  'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"',
  "sec-ch-ua-mobile: ?0",
  "Upgrade-Insecure-Requests: 1",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0",
  "Accept: text/html,application/xhtml+xml;q=0.9,image/avif,*/*;q=0.8",
  "Sec-Fetch-Site: none",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Accept-Language: de-DE,de;q=0.9,en;q=0.8",
  "Cookie: a=1; b=2; session=c2Vzc2lvbg==",
  "Referer: https://www.example.com/start",
  "",
  "",
].join("\r\n");

const WEBSOCKET = [
  "GET /chat HTTP/1.1",
  "Host: example.com",
  "Upgrade: websocket",
  "Connection: keep-alive, Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
  "",
  "",
].join("\r\n");

const MANY_FIELDS = Array.from({ length: 99 }, (_, i) => `X-${i}: ${i}\r\n`).join("");

const chunked = (body: string, more = ""): string =>
  `POST /up HTTP/1.1\r\nHost: a\r\n${more}Transfer-Encoding: chunked\r\n\r\n${body}`;
const get = (lines: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
const ask = (target: string, method = "GET"): string =>
  `${method} ${target} HTTP/1.1\r\nHost: a.example:8080\r\n\r\n`;

/** Name → bytes. */
export const ACCEPTED: Readonly<Record<string, string>> = {
  "the shortest": "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  curl: "GET /index.html HTTP/1.1\r\nHost: nginx.com\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n",
  "a browser": BROWSER,
  "a WebSocket": WEBSOCKET,
  "upgrade to h2c": get(
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
  ),
  "Host with port": ask("/"),
  "Host that is IPv6 with port": "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n",
  "Host in upper case with a trailing dot": "GET / HTTP/1.1\r\nHost: NGINX.com.\r\n\r\n",
  "Host last and in lower case": "GET / HTTP/1.1\r\naccept: */*\r\nhost: a\r\n\r\n",
  "absolute form": "GET http://b.example:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n",
  "absolute form with a query alone": "GET http://b.example?y HTTP/1.1\r\nHost: b.example\r\n\r\n",
  "absolute form in HTTP/1.0": "GET http://b.example/ HTTP/1.0\r\n\r\n",
  "OPTIONS *": "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
  "OPTIONS in absolute form": "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n",
  HEAD: "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
  "a method nobody knows": "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n",
  "a method of rare characters": "M-SEARCH /x HTTP/1.1\r\nHost: a\r\n\r\n",
  "PUT of a body": "PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "POST of nothing": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
  "POST without length": "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET with a body": "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
  "a length with zeros before it": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0003\r\n\r\nabc",
  "a body that looks like a request":
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 29\r\n\r\nGET /x HTTP/1.1\r\nHost: evil\r\n\r\n",
  chunked: chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
  "chunked and empty": chunked("0\r\n\r\n"),
  "chunked with large hex digits and zeros": chunked("00A\r\n0123456789\r\n000\r\n\r\n"),
  "chunked with extensions": chunked('3;name=value;q="x y"\r\nabc\r\n0;last\r\n\r\n'),
  "chunked with trailers": chunked(
    "3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Note:\r\n\r\n",
    "Trailer: X-Sum\r\n",
  ),
  "chunked in odd case":
    "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding:\tChunked \r\n\r\n0\r\n\r\n",
  "chunked whose data is CRLF": chunked("4\r\n\r\n\r\n\r\n0\r\n\r\n"),
  "three in a row": `${ask("/1")}${ask("/2", "HEAD")}${ask("/3")}`,
  "length, chunked, none in a row":
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc` +
    `${chunked("3\r\nabc\r\n0\r\n\r\n")}${ask("/last")}`,
  "empty lines before and between": `\r\n\r\n${ask("/1")}\r\n${ask("/2")}`,
  "HTTP/1.0": "GET / HTTP/1.0\r\n\r\n",
  "HTTP/1.0 kept alive": "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
  "HTTP/1.0 with a body": "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nok",
  "Connection: close": get("Connection: close\r\n"),
  "Connection that names a field": get("Connection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\n"),
  "Connection that names framing": `POST / HTTP/1.1\r\nHost: a\r\nConnection: Host, Content-Length\r\nContent-Length: 1\r\n\r\nx`,
  "two Connection fields": get("Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: foo\r\n"),
  "Expect: 100-continue":
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
  "TE: trailers": get("TE: trailers, deflate;q=0.5\r\nConnection: TE\r\n"),
  "what a proxy adds": get(
    "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\nX-Request-Id: 17\r\nVia: 1.1 p\r\n",
  ),
  "white space around values": get("X-A:1\r\nX-B:   2\t \r\nX-C:\t3\r\nX-D: a \t b\r\n"),
  "empty values": get("X-A:\r\nX-B: \r\nX-C:\t\r\n"),
  "values of obs-text": get("X-A: \xe4\xf6\xfc\r\nX-B: \x80\xff\r\n"),
  "values of every visible character": get(
    "X-A: !\"#$%&'()*+,-./0123456789:;<=>?@ABC[\\]^_`abc{|}~\r\n",
  ),
  "names of every token character": get("!#$%&'*+-.^_`|~019AZaz: x\r\n"),
  "a name with an underscore": get("X_Custom: 1\r\n"),
  "the same field often": get("Accept: a\r\nAccept: b\r\nCookie: a=1\r\nCookie: b=2\r\n"),
  "100 fields": get(MANY_FIELDS),
  "a path with dot segments": ask("/a/./b/../c/%2e%2e/d/."),
  "a path with escapes": ask("/%7Euser/%41%2f%e4%B8%ad/x%20y"),
  "a path with empty segments": ask("//a//b//"),
  "a path of odd characters": ask("/a;v=1,2/(x)/$b/'c'/[d]/{e}|^`\"<>"),
  "a path that is a Hono pattern": ask("/a/:id{[0-9]+}/*?x=/../y"),
  "a query with a slash, a colon and dots": ask("/?a=http://b/../c&d=%zz"),
  "a long target": ask(`/${"a".repeat(4000)}?${"b".repeat(4000)}`),
};
