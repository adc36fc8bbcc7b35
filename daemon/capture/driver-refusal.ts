/** A driver that did not begin to deliver. GStreamer tells why on standard error only; on the bus there is no memory. */
export interface DriverRefusal {
  readonly errno: number;
  /** errno in words. */
  readonly text: string;
}

/** errno of a USB host controller that has no room left for what the camera wants to send (VIDIOC_STREAMON). */
export const NO_BANDWIDTH = 28;

/** What has a worker's GStreamer tell of refusals, and of nothing else. */
export const REFUSAL_DEBUG = 'v4l2bufferpool:1';

/** Whether a line of standard error is from there and about the camera, and the refusal in it. Encoders have such pools too. */
export function readRefusal(line: string): { readonly refusal: DriverRefusal | undefined } | undefined {
  if (!/ ERROR +v4l2bufferpool \S+:<source:/.test(line)) return undefined;
  const [, errno, text] = / error with STREAMON (\d+) \((.*)\)$/.exec(line) ?? [];
  return { refusal: errno === undefined ? undefined : { errno: Number(errno), text: text as string } };
}
