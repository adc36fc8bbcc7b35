import { RtspError } from './rtsp-error.ts';

/** What the URL of a request means: `rtsp://host/<stream>[/<rid>][/trackID=<n>]`. */
export interface StreamUrl {
  /** Empty for the server itself. */
  stream: string;
  /** Which encoding; undefined: the first. */
  rid: string | undefined;
  /** Index among the stream's tracks; undefined: the whole presentation. */
  track: number | undefined;
  /** The presentation's URL with a slash at its end, without user and query: what control URLs are relative to. */
  base: string;
}

/**
 * Reads a request's URL. A slash at the end and a query are allowed, and a track behind the query, as players append it.
 * @throws RtspError `bad_request` for what is no RTSP URL, `not_found` for a path that can be none of ours.
 */
export function parseStreamUrl(uri: string): StreamUrl {
  const match = /^(rtsps?):\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/i.exec(uri);
  const authority = match?.[2]?.slice(match[2].lastIndexOf('@') + 1) ?? '';
  if (match === null || !/^[A-Za-z0-9.\-_:[\]%]{1,255}$/.test(authority))
    throw new RtspError('bad_request', 'the URL is not "rtsp://host[:port]/stream"');
  const segments = (match[3] ?? '').split('/').filter((segment) => segment !== '');
  const last = segments.at(-1) ?? '';
  let track = trackOf(last);
  if (track !== undefined) segments.pop();
  else track = trackOf(match[4]?.slice(match[4].lastIndexOf('/') + 1) ?? '');
  const [stream = '', rid, ...more] = segments;
  if (more.length > 0 || !segments.every((segment) => /^[A-Za-z0-9._~-]{1,64}$/.test(segment)))
    throw new RtspError('not_found', 'there is no such stream');
  const path = segments.map((segment) => `${segment}/`).join('');
  return { stream, rid, track, base: `${match[1]?.toLowerCase()}://${authority}/${path}` };
}

export const trackUrl = (base: string, track: number): string => `${base}trackID=${track}`;

function trackOf(segment: string): number | undefined {
  const match = /^trackID=(\d{1,3})$/i.exec(segment);
  return match === null ? undefined : Number(match[1]);
}
