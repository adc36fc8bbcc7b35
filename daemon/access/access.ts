/** What a principal may be allowed to do. */
export const RIGHTS = ['view', 'listen', 'snapshot', 'publish', 'control', 'metrics'] as const;
export type Right = (typeof RIGHTS)[number];

/** What came with a request, as its protocol carries it. */
export type Credentials =
  | { scheme: 'basic'; username: string; password: string }
  | { scheme: 'bearer'; token: string }
  | {
      scheme: 'digest';
      username: string;
      realm: string;
      nonce: string;
      uri: string;
      response: string;
      /** As the client wrote it; many write none for MD5. */
      algorithm: 'MD5' | 'SHA-256' | undefined;
      /** The request's method, which the digest covers. */
      method: string;
      /** Only where the client sent `qop=auth` (RFC 7616, 3.4.1). */
      qop?: { cnonce: string; nc: string };
    };

export interface AccessRequest {
  protocol: 'rtsp' | 'webrtc' | 'rtmp' | 'http-flv' | 'http';
  action: Right;
  /** Name of the stream that the action is about, of the resolved object; undefined for what concerns the gateway. */
  stream?: string;
  /** The peer's address as the socket has it. */
  remoteAddress: string;
  credentials?: Credentials;
}

/** The answer: with a principal, or why not. `unauthenticated` and `throttled` are answered alike for unknown users and wrong passwords. */
export type AccessDecision =
  | { allowed: true; user: string | undefined }
  | { allowed: false; reason: 'unauthenticated' | 'forbidden' | 'throttled' };

/** The one door that every output asks. */
export interface Access {
  /** RFC 2617 realm, the same for every protocol, because stored digests cover it. */
  readonly realm: string;
  /** No user and no token exists yet: every listener stays on loopback and needs no credentials. */
  readonly open: boolean;
  authorize(request: AccessRequest): Promise<AccessDecision>;
}
