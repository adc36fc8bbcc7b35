import { createHmac } from 'node:crypto';

/** A device id as the W3C wants it: stable here, worthless elsewhere (Media Capture and Streams, 9.2.1, deviceId). */
export function saltedId(salt: string, text: string): string {
  return createHmac('sha256', salt).update(text).digest('hex').slice(0, 32);
}
