import type { Page } from 'playwright-core';
import type { Test } from 'tap';
import { startBrowser } from './browser.ts';

/** What a browser tells of the pictures that it got (RTCInboundRtpStreamStats). */
export interface PageFrames {
  framesDecoded: number;
  codec: string;
}

/** What it tells of the sound. */
export interface PageSound {
  codec: string;
  packetsReceived: number;
  /** Of what it has played (RTCInboundRtpStreamStats). */
  totalAudioEnergy: number;
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
    const { framesDecoded = 0, codec } = await this.#received('video');
    return { framesDecoded, codec };
  }

  /** As a person does it: browsers begin without sound. */
  async turnSoundOn(): Promise<void> {
    await this.#page.getByRole('button', { name: 'Turn sound on' }).last().click();
  }

  async sound(): Promise<PageSound> {
    const { packetsReceived = 0, totalAudioEnergy = 0, codec } = await this.#received('audio');
    return { packetsReceived, totalAudioEnergy, codec };
  }

  async #received(medium: string): Promise<Partial<PageFrames & PageSound> & { codec: string }> {
    return (await this.#page.evaluate(`(async () => {
      const reports = await connections.at(-1)?.getStats();
      const received = [...(reports?.values() ?? [])].find(({ type, kind }) => type === 'inbound-rtp' && kind === '${medium}');
      return { ...received, codec: reports?.get(received?.codecId)?.mimeType ?? '' };
    })()`)) as Partial<PageFrames & PageSound> & { codec: string };
  }
}
