import { isIP } from 'node:net';

export interface BrowserGuardOptions {
  /** The machine's own name; with `.local` it is found by mDNS. */
  hostname: string;
  /** More names that a Host header may carry. */
  allowedHosts: readonly string[];
  /** Origins whose pages may read our answers, as `https://example.org`. */
  allowedOrigins: readonly string[];
}

/** What an Origin header says about a request. */
export type OriginVerdict = 'none' | 'same' | 'allowed' | 'foreign';

/**
 * Tells our own pages from others that a browser on this network may have open. A page that has itself resolved to our
 * address (DNS rebinding) comes with a Host that is not ours; a page of another site comes with its Origin.
 */
export class BrowserGuard {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;

  constructor({ hostname, allowedHosts, allowedOrigins }: BrowserGuardOptions) {
    const own = hostname.toLowerCase();
    const short = own.split('.', 1)[0] as string;
    const hosts = ['localhost', own, short, `${short}.local`, ...allowedHosts.map((host) => host.toLowerCase())];
    this.#hosts = new Set(hosts);
    this.#origins = new Set(allowedOrigins.map((origin) => origin.toLowerCase()));
  }

  /** Whether the value of a Host header is a name of ours: an IP address cannot be rebound. */
  acceptsHost(header: string | undefined): boolean {
    const name = hostname(header ?? '');
    if (name === undefined) return false;
    return isIP(name) !== 0 || this.#hosts.has(name);
  }

  origin(origin: string | undefined, host: string | undefined): OriginVerdict {
    if (origin === undefined) return 'none';
    const lower = origin.toLowerCase();
    if (this.#origins.has(lower)) return 'allowed';
    const match = /^https?:\/\/([^/]+)$/.exec(lower);
    return match !== null && match[1] === host?.toLowerCase() ? 'same' : 'foreign';
  }
}

/** The name in `name`, `name:port` or `[address]:port`, in lower case; undefined for what is none of these. */
function hostname(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9._-]{1,255}))(?::\d{1,5})?$/i.exec(header);
  const name = match?.[1] ?? match?.[2];
  return name?.toLowerCase().replace(/\.$/, '');
}
