/** Names of fields whose values never reach a log. */
const SECRET_KEYS = [
  'password',
  'passwd',
  'passphrase',
  'secret',
  'token',
  'authorization',
  'cookie',
  'set-cookie',
  'credential',
  'ha1',
  'ice-pwd',
  'icePwd',
].join('|');

/** What looks like a secret inside a text, and what stands there afterwards. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // A JSON member with such a name, at any depth: a string, a number or a list.
  [new RegExp(`("(?:${SECRET_KEYS})":)(?:"(?:[^"\\\\]|\\\\.)*"|-?[0-9][0-9.eE+-]*|\\[[^\\]]*\\])`, 'gi'), '$1"***"'],
  // The user information of a URL (RFC 3986, 3.2.1), also of one that is not valid because its password holds a slash.
  [/([a-z][a-z0-9+.-]*:\/\/[^\s:/?#"'@\\]*):(?!\d+[/?#])[^\s"'\\]*@/gi, '$1:***@'],
  [/\b(Basic|Bearer)\s+[A-Za-z0-9+/=._~-]{4,}/g, '$1 ***'],
  // Digest answers can be tried against word lists (RFC 7616, 5.4).
  [/\b(response|cnonce)=\\?"[^"\\]*\\?"/g, '$1=***'],
  [/\b(ice-pwd:)[^\s"\\]+/g, '$1***'],
  [/\b((?:password|passwd|token|secret)=)[^\s&"'\\]+/gi, '$1***'],
];

/** A line of log without passwords in fields and URLs, Authorization values, SDP `ice-pwd` (RFC 8839, 5.4) and the like. */
export function scrub(text: string): string {
  let result = text;
  for (const [pattern, replacement] of PATTERNS) result = result.replace(pattern, replacement);
  return result;
}
