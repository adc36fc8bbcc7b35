import { HttpError } from './http/http-error.ts';
import type { MjpegSource } from './http/ports.ts';
import { MjpegError } from './publish/mjpeg/mjpeg-error.ts';
import { MJPEG_CONTENT_TYPE, type MjpegPublisher } from './publish/mjpeg/publisher.ts';

/** The MJPEG publisher as the HTTP room sees it. */
export function mjpegSource(publisher: MjpegPublisher): MjpegSource {
  return {
    mjpeg: (stream, viewer) => {
      try {
        return { contentType: MJPEG_CONTENT_TYPE, body: publisher.open(stream, viewer) };
      } catch (error) {
        if (!(error instanceof MjpegError)) throw error;
        throw new HttpError(error.code === 'not_found' ? 'not_found' : 'unavailable', error.message);
      }
    },
  };
}
