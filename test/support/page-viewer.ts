import type { Page } from 'playwright-core';
import type { Test } from 'tap';
import { startBrowser } from './browser.ts';

/** What a browser tells of the pictures that it got (RTCInboundRtpStreamStats). */
export interface PageFrames {
  framesDecoded: number;
  codec: string;
}

/** Chromium at the viewer page, which is asked for the figures of its connection. */
export class PageViewer {
  readonly #page: Page;

  private constructor(page: Page) {
    this.#page = page;
  }

  static async open(t: Test, url: string): Promise<PageViewer> {
    const page = await (await startBrowser(t)).newPage({ viewport: { width: 1280, height: 800 } });
    await page.addInitScript(`{
      const Native = RTCPeerConnection;
      window.connections = [];
      window.RTCPeerConnection = class extends Native { constructor(...args) { super(...args); window.connections.push(this); } };
    }`);
    await page.goto(url);
    return new PageViewer(page);
  }

  /** How often the page had to connect. */
  async connections(): Promise<number> {
    return Number(await this.#page.evaluate('connections.length'));
  }

  /** Of the newest connection. */
  async frames(): Promise<PageFrames> {
    return (await this.#page.evaluate(`(async () => {
      const reports = await connections.at(-1)?.getStats();
      const video = [...(reports?.values() ?? [])].find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
      const { framesDecoded = 0, codecId } = video ?? {};
      return { framesDecoded, codec: reports?.get(codecId)?.mimeType ?? '' };
    })()`)) as PageFrames;
  }
}
