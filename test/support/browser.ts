import { type Browser, chromium } from 'playwright-core';

/** Debian's Chromium without a screen, without sound, and without a word to anybody but the gateway. */
export function startBrowser(t: { teardown(fn: () => Promise<void>): void }): Promise<Browser> {
  const started = chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--mute-audio',
    ],
  });
  t.teardown(async () => (await started).close());
  return started;
}
