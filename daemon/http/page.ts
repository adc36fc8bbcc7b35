import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** A file of the viewer page, held in memory. */
export interface PageAsset {
  path: string;
  contentType: string;
  etag: string;
  body: Buffer;
}

/** The viewer page: all there is to serve from disk, by name. */
const FILES: readonly { path: string; file: string; contentType: string }[] = [
  { path: '/', file: 'index.html', contentType: 'text/html; charset=utf-8' },
  { path: '/style.css', file: 'style.css', contentType: 'text/css; charset=utf-8' },
  { path: '/viewer.js', file: 'viewer.js', contentType: 'text/javascript; charset=utf-8' },
  { path: '/whep-player.js', file: 'whep-player.js', contentType: 'text/javascript; charset=utf-8' },
  { path: '/gateway-request.js', file: 'gateway-request.js', contentType: 'text/javascript; charset=utf-8' },
  { path: '/icon.svg', file: 'icon.svg', contentType: 'image/svg+xml' },
];

export function readPage(): Promise<PageAsset[]> {
  return Promise.all(
    FILES.map(async ({ path, file, contentType }) => {
      const body = await readFile(new URL(`./page/${file}`, import.meta.url));
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`;
      return { path, contentType, etag, body };
    }),
  );
}
